"""Customer service: rules, 9 and 11."""

from __future__ import annotations

from laoyouhui.config.kinds import Count, Section


class Terms(Section):
    """How soon a ticket has to be answered."""

    answer_hours: Count
