"""Device discount: rules, 6."""

from __future__ import annotations

from typing import Annotated

from pydantic import field_validator

from laoyouhui.config.kinds import Code, Count, Days, Entries, Fen, Section, ascending, refuse, repeated, whole

MEETS = {"channels.*": ("feeds.device_order.channel",)}


class _Band(Section):
    """List prices from `from_fen` up to the next band's, which it does not hold, pay `rate_bp` of the price."""

    from_fen: Fen
    rate_bp: Annotated[int, whole(1, 10_000, "whole basis points")]


class Terms(Section):
    """Bands of the list price, where a device is bought, how many, and how long things are waited for."""

    channels: Entries[Code]
    bands: Entries[_Band]
    limit: Count
    hold_days: Days
    late_days: Days
    ship_days: Days
    unpaid_days: Days

    @field_validator("channels")
    @classmethod
    def channels_once(cls, channels: list[str]) -> list[str]:
        refuse(((number,), channel, "each channel once") for number, channel in repeated(channels))
        return channels

    @field_validator("bands")
    @classmethod
    def bands_without_gaps(cls, bands: list[_Band]) -> list[_Band]:
        starts = [band.from_fen for band in bands]
        below = [((0, "from_fen"), starts[0], "0, so that no price falls below the first band")] if starts[0] else []
        refuse([*below, *(((number, "from_fen"), start, why) for number, start, why in ascending(starts))])
        return bands
