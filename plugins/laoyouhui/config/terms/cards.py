"""Video cards: rules, 7."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MinLen
from pydantic import field_validator

from laoyouhui.config.kinds import BasisPoints, Code, Count, Days, Section, Words, refuse, repeated

EVENTS = {"card_code": ("platform", "code", "expires_on")}
SECRETS = {"card_code": "code"}  # what only the reader of the message may see
NEEDS = "card_code"  # without its message a card reaches nobody


class _Platform(Section):
    code: Code
    name: Words
    monthly_need: Count


class Terms(Section):
    """Which platforms' cards, how many a member may claim, and when stock is low."""

    platforms: Annotated[list[_Platform], MinLen(1)]
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
