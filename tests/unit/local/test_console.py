"""Tables as people read them: fen in yuan, numbers to the right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from laoyouhui_local.console import say_table


def test_fen_are_shown_in_yuan(capsys):
    rows = [("B1", 123456, -5, 3, None), ("TOTAL", Decimal(100), 0, 12345, date(2026, 2, 1))]
    say_table("Budget", ["line", "plan_fen", "variance_fen", "cases", "day"], rows)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Budget",
        "  line       plan  variance   cases  day",
        "  B1     1,234.56     -0.05       3",
        "  TOTAL      1.00      0.00  12,345  2026-02-01",
    ]


def test_an_empty_table_says_so(capsys):
    say_table("Exceptions", ["type"], [])
    assert capsys.readouterr().out == "\nExceptions\n  nothing yet\n"
