"""Statements that are run again each day: their order, and what is said of those that fail."""

from __future__ import annotations

import psycopg
import pytest

from laoyouhui.pipeline.statements import Statement, StatementError, run_statements


def model(name: str, select: str, *after: str) -> Statement:
    sql = f"create table if not exists made.{name} (n int); truncate made.{name}; insert into made.{name} {select}"
    return Statement(name, f"models/{name}.sql", sql, after, f'"made"."{name}"')


def check(name: str, broken: str, *after: str) -> Statement:
    return Statement(name, f"tests/{name}.sql", f"select count(*), true, true from ({broken}) as found", after)


def rows(dsn: str, name: str) -> list[int]:
    with psycopg.connect(dsn) as conn:
        return [n for (n,) in conn.execute(f"select n from made.{name} order by n")]


def test_each_runs_after_those_that_it_reads_and_may_run_again(database_dsn: str) -> None:
    statements = [
        model("third", "select n + 1 from made.second", "second"),
        check("nothing_is_negative", "select from made.third where n < 0", "third"),
        model("second", "select n + 1 from made.first where pg_sleep(0.1) is not null", "first"),
        model("first", "select generate_series(1, 3)"),
    ]
    run_statements(database_dsn, statements)
    run_statements(database_dsn, statements)
    assert rows(database_dsn, "third") == [3, 4, 5]


def test_a_table_that_was_filled_is_analysed(database_dsn: str) -> None:
    """The planner takes a table that it has never seen for a large one, and one that it saw empty for an empty one."""
    run_statements(database_dsn, [model("first", "select generate_series(1, 3)")])
    with psycopg.connect(database_dsn) as conn:
        assert conn.execute("select reltuples from pg_class where oid = 'made.first'::regclass").fetchone() == (3,)


def test_all_tests_that_fail_are_named(database_dsn: str) -> None:
    with pytest.raises(StatementError) as refused:
        run_statements(
            database_dsn,
            [
                model("first", "select generate_series(1, 3)"),
                check("none_is_even", "select from made.first where n % 2 = 0", "first"),
                check("none_is_odd", "select from made.first where n % 2 = 1", "first"),
                check("none_is_four", "select from made.first where n = 4", "first"),
                model("second", "select n from made.first", "first"),
            ],
        )
    assert sorted(str(refused.value).splitlines()) == [
        "tests/none_is_even.sql: fail: 1 row(s) where none may be",
        "tests/none_is_odd.sql: fail: 2 row(s) where none may be",
    ]
    assert rows(database_dsn, "second") == [1, 2, 3]


def test_a_model_that_fails_is_named_and_changes_nothing_and_none_begins_after_it(database_dsn: str) -> None:
    run_statements(database_dsn, [model("first", "select 1"), model("second", "select n from made.first", "first")])
    with pytest.raises(StatementError, match=r"^models/first\.sql: error: division by zero"):
        run_statements(
            database_dsn,
            [
                model("first", "select 1 / 0"),
                model("second", "select n + 1 from made.first", "first"),
                check("nobody_asks", "select 1", "second"),
            ],
        )
    assert rows(database_dsn, "first") == [1]
    assert rows(database_dsn, "second") == [1]
