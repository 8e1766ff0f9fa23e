"""An older state of the project over a warehouse in which a newer one was tried: as if that had never been there.

Meanwhile somebody has changed a function that asks whether there is room: what dbt builds calls the project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import Day, Play, Story, close, people, recharges, subscribers, terms
from tests.project import copy_dbt_project

WHO = people("S-A 01\nS-B 02")
STORY = Story(
    "rolled back",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", proves="set-up: two subscribers are in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260126",
            proves="set-up: a recharge is granted with a make-good",
            arrives=[subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 20000 APP")],
        ),
        Day(
            "20260127",
            proves="set-up: a recharge is granted with a bonus",
            arrives=[subscribers(WHO), recharges("R-2 S-B 20260127100000 30000 28000 APP")],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)


def _changed_project(folder: Path) -> Path:
    """A view that gives recharges ten times their amount, and a column, never null, in a table that keeps its rows."""
    copy_dbt_project(folder)
    models = folder / "dbt_project" / "models"
    view = models / "staging" / "recharge" / "stg_recharge__events.sql"
    amount = "{{ to_fen('face_amount', 'recharge') }}"
    assert amount in view.read_text("utf-8")
    view.write_text(view.read_text("utf-8").replace(amount, f"10 * {amount}"), "utf-8")
    table = models / "ledger" / "recharge" / "recharge_decisions"
    sql, columns = table.with_suffix(".sql"), table.with_suffix(".yml")
    sql.write_text(sql.read_text("utf-8").replace("select * from final", "select *, 1 as extra from final"), "utf-8")
    columns.write_text(
        columns.read_text("utf-8") + "      - {name: extra, data_type: integer, constraints: [{type: not_null}]}\n",
        "utf-8",
    )
    return folder


def test_a_project_rolled_back_decides_as_if_the_other_had_never_been_there(
    new_play: Callable[[Story], Play], tmp_path: Path
) -> None:
    from laoyouhui.pipeline.decide import DecideError

    undisturbed, disturbed = new_play(STORY), new_play(STORY)
    undisturbed.reach(STORY.days[-1])
    disturbed.reach(STORY.days[0])
    for file in STORY.days[1].arrives:
        disturbed.carrier.deliver(file, "20260126")
    with pytest.raises(DecideError, match=r"recharge_decisions: column extra is new and may not be null"):
        close(replace(disturbed.settings, home=_changed_project(tmp_path / "changed")), "20260126")
    with psycopg.connect(disturbed.settings.warehouse_dsn) as conn:
        conn.execute(
            "create or replace function intermediate.has_taken_slots(state text[]) returns boolean language sql"
            " immutable parallel safe as 'select false'"
        )
        conn.execute(
            "create function intermediate.state_as_of(of_subscriber text, as_of timestamp)"
            " returns setof intermediate.int_subscriber__history language sql"
            " as 'select * from intermediate.int_subscriber__history where false'"
        )
    disturbed.reach(STORY.days[-1])
    assert len(undisturbed.ledger()) > 5
    assert disturbed.ledger() == undisturbed.ledger()
    assert disturbed.carrier.out_bytes() == undisturbed.carrier.out_bytes()
    assert disturbed.query("select 'intermediate.state_as_of'::regproc::oid::regprocedure::text") == [
        ("intermediate.state_as_of(text,date)",)
    ]
