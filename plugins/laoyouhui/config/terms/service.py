"""Customer service: rules, 9 and 11."""

from __future__ import annotations

from typing import Annotated

from laoyouhui.config.kinds import Section, whole


class Terms(Section):
    """How soon a ticket has to be answered."""

    answer_hours: Annotated[int, whole(1, 10_000, "whole hours")]
