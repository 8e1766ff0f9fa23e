"""Campaigns beside each other: rules, 1.9."""

from __future__ import annotations

from typing import Annotated

from laoyouhui.config.kinds import Code, Entries, EntriesOrNone, Section, one_of


class _Exclusion(Section):
    benefit: Annotated[str, one_of("data_gift", "devices", "family_numbers", "recharge")]
    campaigns: Entries[Code]


class Terms(Section):
    """Which benefits are exclusive with those of which campaigns. It counts for both: the higher priority grants."""

    exclusive: EntriesOrNone[_Exclusion]
