"""Recognition of halls and staff: plan, C3."""

from __future__ import annotations

from laoyouhui.config.kinds import Count, Section


class Terms(Section):
    """How many cases are too few to be ranked by, and for how many days business may still be reversed."""

    min_cases: Count
    reversal_days: Count | None = None  # none: grants count immediately
