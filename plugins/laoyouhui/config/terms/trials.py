"""Trials of new services: rules, 7."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MinLen
from pydantic import field_validator

from laoyouhui.config.kinds import Code, Count, Date, Days, Fen, Section, Words, refuse, repeated, text_like

EVENTS = {"trial_invitation": ("trial", "link", "opens_on")}


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
    offers: Annotated[list[_Trial], MinLen(1)]

    @field_validator("offers")
    @classmethod
    def offers_once(cls, offers: list[_Trial]) -> list[_Trial]:
        codes = [offer.code for offer in offers]
        refuse(((number, "code"), code, "each trial once") for number, code in repeated(codes))
        return offers
