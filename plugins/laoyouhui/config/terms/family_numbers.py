"""Family numbers: rules, 5."""

from __future__ import annotations

from laoyouhui.config.kinds import Count, Section, YesNo


class Terms(Section):
    """How many numbers a subscriber may have, and whether a number may stand in one list only."""

    limit: Count
    exclusive: YesNo
