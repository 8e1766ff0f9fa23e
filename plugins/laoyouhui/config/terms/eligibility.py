"""Who qualifies: rules, 2."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import field_validator

from laoyouhui.config.kinds import Code, Entries, PastDate, Section, Years, YesNo, ascending, one_of, refuse, repeated

MEETS = {"segments.*": ("feeds.subscriber.segment",)}


class Terms(Section):
    """Who qualifies; years are of service, by calendar anniversaries."""

    is_required: ClassVar[bool] = True

    founded_on: PastDate
    segments: Entries[Code]
    main_card_only: YesNo
    tenure_years: Years
    port_in_years: Years
    owner_years: Years
    tenure_judged_on: Annotated[str, one_of("event", "campaign_start")]
    tenure_bands_years: Entries[Years]

    @field_validator("tenure_bands_years")
    @classmethod
    def bands_without_gaps(cls, ends: list[int]) -> list[int]:
        from_zero = [((0,), ends[0], "0, so that no subscriber falls below the first band")] if ends[0] else []
        refuse([*from_zero, *(((number,), end, why) for number, end, why in ascending(ends))])
        return ends

    @field_validator("segments")
    @classmethod
    def segments_once(cls, segments: list[str]) -> list[str]:
        refuse(((number,), segment, "each segment once") for number, segment in repeated(segments))
        return segments
