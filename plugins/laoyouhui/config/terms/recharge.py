"""Recharge discount and bonus: rules, 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import field_validator, model_validator

from laoyouhui.config.kinds import (
    Code,
    Count,
    Days,
    Entries,
    Fen,
    Kind,
    PositiveFen,
    Section,
    ascending,
    one_of,
    refuse,
    repeated,
    whole,
)
from laoyouhui.config.located_yaml import YamlPath

MOST_INSTALMENTS = 600  # 50 years of months
EVENTS = {"instalment": ("instalment_no", "instalments", "yuan", "recharge_id")}
MEETS = {
    "channels.*": ("feeds.recharge.channel",),
    "tiers.*.face_fen": ("feeds.recharge.face_amount",),
    "tiers.*.instalments": ("interfaces.credit.instalments",),
}


def longest(terms: Mapping[str, Any], length: Callable[[str], int]) -> dict[str, str]:
    """The longest text that can stand for each placeholder."""
    most = str(max(tier["instalments"] or 1 for tier in terms["tiers"]))
    return {
        "instalment_no": most,
        "instalments": most,
        "yuan": f"{max(tier['bonus_fen'] for tier in terms['tiers']) // 100}.00",
        "recharge_id": "0" * length("feeds.recharge.recharge_id"),
    }


class _Tier(Section):
    face_fen: PositiveFen
    discount_fen: Fen
    bonus_fen: Fen = 0
    instalments: Annotated[int | None, whole(1, MOST_INSTALMENTS)] = None

    @model_validator(mode="after")
    def amounts_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if self.discount_fen > self.face_fen:
            mistakes.append((("discount_fen",), self.discount_fen, f"no more than face_fen, {self.face_fen}"))
        if self.instalments is None:
            if self.bonus_fen:
                mistakes.append((("bonus_fen",), self.bonus_fen, "instalments beside it, to pay the bonus in"))
        elif not self.bonus_fen:
            mistakes.append((("instalments",), self.instalments, "a bonus_fen beside it, to pay in instalments"))
        elif self.instalments > self.bonus_fen:
            expected = f"no more instalments than the bonus has fen, {self.bonus_fen}"
            mistakes.append((("instalments",), self.instalments, expected))
        refuse(mistakes)
        return self


class Terms(Section):
    """Tiers, limits, and how a bonus is paid back."""

    match: Annotated[str, one_of("exact", "floor")]
    channels: Entries[Code]
    tiers: Entries[_Tier]
    limit_per_tier_month: Count
    customer_limit_per_month: Annotated[
        int | None,
        Kind(
            "a whole number from 1 to 1000000, or null for no cap",
            lambda value: value is None or (type(value) is int and 1 <= value <= 1_000_000),
        ),
    ] = None
    instalment_day: Annotated[
        int | None,
        Kind(
            "a day of the month from 1 to 28, or null for the recharge's own day",
            lambda value: value is None or (type(value) is int and 1 <= value <= 28),
        ),
    ] = None
    odd_fen_to: Annotated[str, one_of("last", "first")]
    hold_days: Days
    late_days: Days
    orphan_reversal_days: Days

    @field_validator("channels")
    @classmethod
    def channels_once(cls, channels: list[str]) -> list[str]:
        refuse(((number,), channel, "each channel once") for number, channel in repeated(channels))
        return channels

    @field_validator("tiers")
    @classmethod
    def tiers_ascending(cls, tiers: list[_Tier]) -> list[_Tier]:
        faces = [tier.face_fen for tier in tiers]
        refuse(((number, "face_fen"), face, why) for number, face, why in ascending(faces))
        return tiers
