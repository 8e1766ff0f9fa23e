"""What the commands of this package say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

from laoyouhui.config.text import safe_text


def say(text: str = "", *, end: str = "\n", wrong: bool = False) -> None:
    """Say it now, on standard error where something is wrong; what could forge a line or move the cursor is escaped."""
    stream = sys.stderr if wrong else sys.stdout
    stream.write(safe_text(text, keep="\n") + end)
    stream.flush()


def say_table(title: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Say a table under a title. Columns `..._fen` hold fen and are shown in yuan, without that ending."""
    say(f"\n{title}")
    if not rows:
        say("  nothing yet")
        return
    spelled = [[_spell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
    if any(names):
        spelled.insert(0, [name.removesuffix("_fen") for name in names])
    widths = [max(map(len, column)) for column in zip(*spelled, strict=True)]
    is_number = [isinstance(value, int | Decimal) for value in rows[0]]
    for cells in spelled:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, is_number, strict=True)
        ]
        say(f"  {'  '.join(aligned)}".rstrip())


def _spell(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, int | Decimal):
        return str(value)
    if name.endswith("_fen"):
        yuan, fen = divmod(abs(int(value)), 100)
        return f"{'-' if value < 0 else ''}{yuan:,}.{fen:02}"
    return f"{value:,}"
