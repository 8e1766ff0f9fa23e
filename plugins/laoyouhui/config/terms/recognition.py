"""Recognition of halls and staff: plan, C3."""

from __future__ import annotations

from laoyouhui.config.kinds import Count, Section


class Terms(Section):
    """How many cases are too few to be ranked by."""

    min_cases: Count
