"""Membership: rules, 7."""

from __future__ import annotations

from laoyouhui.config.kinds import Section


class Terms(Section):
    """Whoever qualifies is a member: `membership: {}` offers it, and there is nothing to choose."""
