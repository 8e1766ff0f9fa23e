"""Whatever rows the profile lets through, each day closes, releases and delivers, and the report can be written; a
rebuild gives the same.

`FUZZ_DAYS=300 FUZZ_SEED=7` plays so many days from another seed: `make fuzz` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.days import Days

DAYS, SEED = int(os.environ.get("FUZZ_DAYS", "4")), int(os.environ.get("FUZZ_SEED", "1"))

REBUILT_UP_TO = 20  # days: more take too long twice


def test_whatever_rows_pass_each_day_closes_and_can_be_reported(
    new_warehouse: Callable[[], str], tmp_path: Path
) -> None:
    days, draw = Days(tmp_path, new_warehouse()), random.Random(SEED)  # noqa: S311 (no secret)
    for number in range(1, DAYS + 1):
        day = days.day
        try:
            days.play(draw)
            if number in {2, DAYS}:
                days.write()
        except Exception as error:
            error.add_note(f"closing {day}: FUZZ_DAYS={number} FUZZ_SEED={SEED}; the files are in {tmp_path}")
            raise
    if DAYS <= REBUILT_UP_TO:
        anew = days.rebuilt(tmp_path / "anew", new_warehouse())
        ledger = "select * from ledger.ledger_entries order by entry_key, changes_key, booked_on, amount_fen"
        assert anew.query(ledger) == days.query(ledger)
        assert anew.carrier.out_bytes() == days.carrier.out_bytes()
