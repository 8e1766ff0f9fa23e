"""Hard caps of budget lines: rules, 10."""

from __future__ import annotations

from typing import Annotated

from laoyouhui.config.kinds import MOST_SUM_FEN, Kind, Section, at_most

CapFen = Annotated[
    int | None,
    Kind(
        "whole fen, 0 or more, or null for no cap",
        lambda value: value is None or (type(value) is int and value >= 0),
        (at_most(MOST_SUM_FEN, "fen"),),
    ),
]


class Terms(Section):
    """The most that a line may have committed and paid, over the whole campaign; lines that grants are paid from."""

    B1: CapFen = None
    B2: CapFen = None
    B3: CapFen = None
    B4: CapFen = None
