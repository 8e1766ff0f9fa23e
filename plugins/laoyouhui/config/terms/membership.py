"""Membership: rules, 7."""

from __future__ import annotations

from laoyouhui.config.kinds import Section


class Terms(Section):
    """Every subscriber who qualifies is a member: `membership: {}` turns it on, and it has no options."""
