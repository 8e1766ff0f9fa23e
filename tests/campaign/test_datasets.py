"""What lineage says of a step is what the step does: PostgreSQL counts the rows that each table is written.

Its counters are looked at around each step, while nobody else works in the warehouse.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date

from tests.campaign.harness import Answer, Day, Play, Story, people, recharges, subscribers, terms

from laoyouhui.pipeline.decide import decide
from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.lineage import RELATIONS, datasets_of, relations_named
from laoyouhui.pipeline.release import release
from laoyouhui.warehouse.connection import connect

WHO = people("S-A 01\nS-B 02")
BAD = recharges("R-2 S-B 20260127100000 30000 28000 APP\nR-3 S-A not-a-time 10000 10000 APP")
STORY = Story(
    "datasets",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", proves="set-up: two subscribers are in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260126",
            proves="set-up: a recharge, and the answers of the first date",
            arrives=[subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 20000 APP")],
        ),
        Day(
            "20260127",
            proves="set-up: a row is quarantined, a file is waited for",
            arrives=[subscribers(WHO), BAD, recharges("R-4 S-B 20260127110000 1 1 APP", seq=2, lie="sha256")],
        ),
    ],
)
STEPS = {"ingest": ingest, "decide": decide, "release": release, "deliver": deliver}
# what a run keeps of itself: nobody reads it as data
BOOKKEEPING = {"raw.prepared", "raw.journal_entry", "raw.saved_privilege", "raw.dbt_project", "raw.campaign_file"}


def test_each_table_that_a_step_writes_is_told_and_each_that_is_told_is_written(
    new_play: Callable[[Story], Play],
) -> None:
    play = new_play(STORY)
    told, written = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for day in STORY.days:
        for file in day.arrives:
            play.carrier.deliver(file, day.closes)
        closes = date(int(day.closes[:4]), int(day.closes[4:6]), int(day.closes[6:]))
        for name, step in STEPS.items():
            before = _rows_written(play)
            step(play.settings, closes)
            written[name] |= {table for table, rows in _rows_written(play).items() if rows != before.get(table, 0)}
            if name != "decide":  # dbt's artifacts say what it writes
                datasets = datasets_of(play.settings, name, closes, "file:///exchange")
                told[name] |= {".".join(uri.split("/")[-2:]) for uri in datasets.outputs if uri.startswith("postgres:")}
        play.carrier.answer("eligibility", day.closes, Answer(refuse={"S-A": "10"}))
    for name, tables in told.items():
        holding_rows = {table for table in tables if play.query(f"select from {table} limit 1")}
        assert len(holding_rows) > 1, name
        assert written[name] - BOOKKEEPING - tables == set(), name
        assert holding_rows - written[name] == set(), name


def test_each_name_that_lineage_has_is_of_a_relation(new_warehouse: Callable[[], str]) -> None:
    """A relation that is called otherwise one day would drop out of lineage in silence."""
    names = {name for reads, writes in RELATIONS.values() for name in (*reads, *writes)} - {"marts.%"}  # of a release
    assert len(names) > 20
    with connect(new_warehouse()) as conn:
        assert [name for name in sorted(names) if not relations_named(conn, [name])] == []


def _rows_written(play: Play) -> dict[str, int]:
    time.sleep(0.5)  # a session that ends counts a moment later
    counted = play.query(
        "select schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables"
    )
    return {str(table): int(str(rows)) for table, rows in counted}
