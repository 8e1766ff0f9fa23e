"""The highest amounts that the gate releases without a second person: docs/release-gate.md."""

from __future__ import annotations

from typing import Annotated

from laoyouhui.config.kinds import MOST_SUM_FEN, Kind, Section, at_most

_Limit = Annotated[
    int | None,
    Kind(
        "whole fen, 1 or more, without decimals or quotes, or null for no limit",
        lambda value: value is None or (type(value) is int and value >= 1),
        (at_most(MOST_SUM_FEN, "fen"),),
    ),
]


class Terms(Section):
    """What a row, a file and a day of the interface `credit` may pay. Above that a release waits for two people."""

    max_row_fen: _Limit = None
    max_file_fen: _Limit = None
    max_day_fen: _Limit = None
