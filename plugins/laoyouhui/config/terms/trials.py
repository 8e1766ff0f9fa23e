"""Trials of new services: rules, 7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import field_validator

from laoyouhui.config.kinds import (
    DAY,
    Code,
    Count,
    Date,
    Days,
    Entries,
    Fen,
    Section,
    Words,
    refuse,
    repeated,
    text_like,
)

EVENTS = {"trial_invitation": ("trial", "link", "opens_on")}
STANDS_ON = "membership"
MEETS = {
    "offers.*.code": ("feeds.trial_application.trial_code", "interfaces.trial_grant.trial_code"),
    "offers.*.name": ("interfaces.sms.text",),
    "offers.*.link": ("interfaces.sms.text",),
}


def longest(terms: Mapping[str, Any], _length: Callable[[str], int]) -> dict[str, str]:
    """The longest text that can stand for each placeholder."""
    offers = terms["offers"]
    return {
        "trial": max((offer["name"] for offer in offers), key=len),
        "link": max((offer["link"] for offer in offers), key=len),
        "opens_on": DAY,
    }


class _Trial(Section):
    code: Code
    name: Words
    link: Annotated[str, text_like(r"https?://[^|{}\s]+", "an address http(s)://... without spaces, '|' and braces")]
    opens_on: Date
    places: Count
    cost_fen: Fen


class Terms(Section):
    """What can be tried, how many places there are, and how many days members have before others."""

    member_lead_days: Days
    late_days: Days
    offers: Entries[_Trial]

    @field_validator("offers")
    @classmethod
    def offers_once(cls, offers: list[_Trial]) -> list[_Trial]:
        codes = [offer.code for offer in offers]
        refuse(((number, "code"), code, "each trial once") for number, code in repeated(codes))
        return offers
