"""How long a campaign warms up and is followed up: docs/phases.md."""

from __future__ import annotations

from laoyouhui.config.kinds import Days, Section


class Terms(Section):
    """Days before the first and after the last day."""

    warm_up_days: Days
    follow_up_days: Days
