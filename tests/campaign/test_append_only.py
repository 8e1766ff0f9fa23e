"""Rules 1.5: what was released is never rewritten. The database itself refuses, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from tests.campaign.harness import Day, Play, Story, people, recharges, subscribers, terms

WHO = people("S-A 01")
STORY = Story(
    "append-only",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", [subscribers(WHO)]),
        Day("20260126", [subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 18800 APP")]),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)
OPEN = ("ledger.recharge_decisions", "ledger.credit_obligations", "intermediate.int_recharge__received")


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
        "where table_schema in ('ledger', 'intermediate') and column_name = 'pass_no' order by 1"
    )
    return [
        *(str(table) for (table,) in incremental),
        *("raw.delivery", "raw.recharge", "raw.word", "outbox.item", "outbox.file", "vault.secret", "vault.owner"),
    ]


def _try(play: Play, statement: str, *, replica: bool = False) -> int:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        if replica:
            conn.execute("set session_replication_role = replica")
        rows = conn.execute(statement.encode()).rowcount
        conn.rollback()
        return rows


def test_no_row_of_a_released_pass_is_changed(play: Play) -> None:
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
        "update outbox.file set run_on = run_on + 1",
        "delete from outbox.file",
        "update raw.run set passes_released = 0",
        "update raw.run set business_date = business_date + 7",
        "delete from raw.run where business_date = '2026-01-26'",
        "truncate raw.run",
    ],
)
def test_what_was_released_and_delivered_stays_so(play: Play, statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation, match="is refused"):
        _try(play, statement)


@pytest.mark.parametrize("table", OPEN)
def test_rows_of_a_pass_that_was_never_released_go_when_it_is_begun_again(play: Play, table: str) -> None:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute("insert into raw.run (business_date) values ('2026-01-27')")
        conn.execute(f"create temp table copy as select * from {table} limit 1".encode())
        keys = "grant_key = 'x'" if "obligations" in table else "recharge_id = 'x'"
        conn.execute(f"update copy set run_on = '2026-01-27', {keys}".encode())
        conn.execute(f"insert into {table} select * from copy".encode())
        assert conn.execute(f"delete from {table} where run_on = '2026-01-27'".encode()).rowcount == 1
        conn.rollback()
