"""Rules 1.5: what was released is never rewritten. The database itself refuses, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import Day, Play, Story, people, recharges, subscribers, terms
from tests.project import copy_dbt_project

WHO = people("S-A 01")
STORY = Story(
    "append-only",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", proves="set-up: one subscriber is in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260126",
            proves="set-up: a recharge is granted and its bonus promised",
            arrives=[subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 18800 APP")],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)
OPEN = ("ledger.recharge_decisions", "ledger.credit_obligations", "intermediate.int_request__received")


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    made = new_play(STORY)
    made.reach(STORY.days[-1])
    return made


def _kept(play: Play) -> list[str]:
    """Every table of the ledger and of what it stands on that has rows, and what Python fixes."""
    incremental = play.query(
        "select table_schema || '.' || table_name from information_schema.columns join pg_tables "
        "on schemaname = table_schema and tablename = table_name "
        "where table_schema in ('ledger', 'intermediate') and column_name = 'attempt_no' "
        "and table_name <> 'int_request__judged' order by 1"  # filled anew each day
    )
    return [
        *(str(table) for (table,) in incremental),
        *(
            "raw.delivery",
            "raw.recharge",
            "raw.manual_override",
            "outbox.item",
            "outbox.file",
            "vault.secret",
            "vault.owner",
        ),
    ]


def _try(play: Play, statement: str, *, replica: bool = False) -> int:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        if replica:
            conn.execute("set session_replication_role = replica")
        rows = conn.execute(statement.encode()).rowcount
        conn.rollback()
        return rows


def test_no_row_of_a_released_attempt_is_changed(play: Play) -> None:
    tables = _kept(play)
    assert len(tables) > 30
    assert set(OPEN) < set(tables)
    for table in tables:
        (column,) = play.query(
            f"select attname from pg_attribute where attnum = 1 and not attisdropped and attrelid = '{table}'::regclass"
        )[0]
        has_rows = play.query(f"select exists (select from {table})") == [(True,)]
        for statement in (f"update {table} set {column} = {column}", f"delete from {table}"):
            for replica in (False, True):
                if has_rows and table != "outbox.file":
                    with pytest.raises(psycopg.errors.RestrictViolation, match=f"{table}: .* is refused"):
                        _try(play, statement, replica=replica)
        with pytest.raises(psycopg.errors.RestrictViolation, match="truncate is refused"):
            _try(play, f"truncate {table} cascade")


@pytest.mark.parametrize(
    "statement",
    [
        "update outbox.file set rows = rows + 1",
        "update outbox.file set released_sha256 = null",
        "update outbox.file set delivered_at = null",
        "update outbox.file set business_date = business_date + 1",
        "delete from outbox.file",
        "update raw.run set attempts_released = 0",
        "update raw.run set business_date = business_date + 7",
        "delete from raw.run where business_date = '2026-01-26'",
        "truncate raw.run",
    ],
)
def test_what_was_released_and_delivered_stays_so(play: Play, statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation, match="is refused"):
        _try(play, statement)


@pytest.mark.parametrize("table", OPEN)
def test_rows_of_an_attempt_that_was_never_released_go_when_it_is_begun_again(play: Play, table: str) -> None:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute("insert into raw.run (business_date) values ('2026-01-27')")
        conn.execute(f"create temp table copy as select * from {table} limit 1".encode())
        keys = {"ledger.credit_obligations": "grant_key", "ledger.recharge_decisions": "recharge_id"}
        key = f"{keys.get(table, 'event_id')} = 'x'"
        conn.execute(f"update copy set business_date = '2026-01-27', {key}".encode())
        conn.execute(f"insert into {table} select * from copy".encode())
        assert conn.execute(f"delete from {table} where business_date = '2026-01-27'".encode()).rowcount == 1
        conn.rollback()


SHAPES: list[tuple[str, str, str | list[str]]] = [  # what stands, what the model has, what becomes of it
    ("a text, b int", "a text, b int, c date", ["a", "b", "c"]),
    ("a text, b int", "a text", ["a", "b"]),
    ("a text, b int", "a text, b int, c date not null", "column c is new and may not be null"),
    ("a text, b int", "a text, b bigint", "column b is integer, in the model bigint"),
    ("a text, b int not null", "a text", "column b is gone from the model and may not be null"),
    ("a text, b int", "a text, b int not null", "column b may be null, in the model not"),
    ("a text, b int not null", "a text, b int", "column b may not be null, in the model it may"),
    ("a text, b int, unique (a)", "a text, b int, unique (a, b)", r"UNIQUE \(a\), which the model has not"),
]


@pytest.mark.parametrize(("table", "model", "becomes"), SHAPES)
def test_a_table_that_keeps_its_rows_gains_nullable_columns_and_nothing_else(
    play: Play, table: str, model: str, becomes: str | list[str]
) -> None:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute(f"create table raw.kept ({table}); create temporary table shape ({model})".encode())
        conn.execute("insert into raw.kept (a, b) values ('x', 1)")
        extend = "select raw.extend_table('raw.kept', 'pg_temp.shape')"
        if isinstance(becomes, str):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=becomes):
                conn.execute(extend.encode())
        else:
            conn.execute(extend.encode())
            kept = conn.execute("select * from raw.kept")
            assert [column.name for column in kept.description or ()] == becomes
            assert kept.fetchall() == [("x", 1, None)[: len(becomes)]]
        conn.rollback()


def test_a_model_with_a_new_nullable_column_gets_it_and_its_index(play: Play, tmp_path: Path) -> None:
    """dbt builds it by hand: the rows that stand have null there, and are kept as before."""
    from laoyouhui.pipeline.decide import run_dbt

    copy_dbt_project(tmp_path)
    model = tmp_path / "dbt_project" / "models" / "ledger" / "credit_obligations.sql"
    text = model.read_text("utf-8").replace("select * from final", "select *, null::date as paid_on from final")
    model.write_text(text.replace("indexes=[", "indexes=[{'columns': ['kind', 'due_on']}, "), "utf-8")
    columns = model.with_suffix(".yml")
    columns.write_text(columns.read_text("utf-8") + "      - {name: paid_on, data_type: date}\n", "utf-8")
    rows = play.query("select count(*) from ledger.credit_obligations")
    assert rows != [(0,)]
    for _ in range(2):  # again is harmless
        run_dbt(replace(play.settings, home=tmp_path), ["run", "--select", "credit_obligations"])
    assert play.query("select count(*) from ledger.credit_obligations where paid_on is null") == rows
    made = "select count(*) from pg_indexes where tablename = 'credit_obligations' and indexdef like '%(kind, due_on)'"
    assert play.query(made) == [(1,)]
    with pytest.raises(psycopg.errors.RestrictViolation):
        _try(play, "update ledger.credit_obligations set paid_on = '2026-02-01'")


def test_a_table_that_keeps_its_rows_is_not_made_a_view(play: Play) -> None:
    with psycopg.connect(play.settings.warehouse_dsn) as conn, pytest.raises(psycopg.errors.RestrictViolation):
        conn.execute("select raw.replace_view('ledger.credit_obligations', 'select 1 as one')")
