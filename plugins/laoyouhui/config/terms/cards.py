"""Video cards: rules, 7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import field_validator

from laoyouhui.config.kinds import DAY, BasisPoints, Code, Count, Days, Entries, Section, Words, refuse, repeated

EVENTS = {"card_code": ("platform", "code", "expires_on")}
SECRETS = {"card_code": "code"}  # what only the reader of the message may see
NEEDS = "card_code"  # without its message a card reaches nobody
STANDS_ON = "membership"
MEETS = {
    "platforms.*.code": ("feeds.card_claim.platform", "feeds.card_stock.platform"),
    "platforms.*.name": ("interfaces.sms.text",),
}


def longest(terms: Mapping[str, Any], length: Callable[[str], int]) -> dict[str, str]:
    """The longest text that can stand for each placeholder."""
    return {
        "platform": max((platform["name"] for platform in terms["platforms"]), key=len),
        "code": "0" * length("feeds.card_stock.code"),
        "expires_on": DAY,
    }


class _Platform(Section):
    code: Code
    name: Words
    monthly_need: Count


class Terms(Section):
    """Which platforms' cards, how many a member may claim, and when stock is low."""

    platforms: Entries[_Platform]
    limit_per_month: Count
    low_stock_bp: BasisPoints
    code_sms_attempts: Count
    late_days: Days

    @field_validator("platforms")
    @classmethod
    def platforms_once(cls, platforms: list[_Platform]) -> list[_Platform]:
        codes = [platform.code for platform in platforms]
        refuse(((number, "code"), code, "each platform once") for number, code in repeated(codes))
        return platforms
