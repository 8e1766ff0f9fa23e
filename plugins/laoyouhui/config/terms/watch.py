"""What raises an alert: docs/runbook/."""

from __future__ import annotations

from laoyouhui.config.kinds import Clock, Count, Days, Section


class Terms(Section):
    """When a run, a feed or an answer is late."""

    finished_by: Clock
    stale_days: Count
    unanswered_days: Days
