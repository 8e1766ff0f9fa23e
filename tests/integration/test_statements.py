"""Statements that are run again each day: their order, and what is said of those that fail."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from laoyouhui.pipeline.statements import (
    Outcome,
    Statement,
    forget_statements,
    keep_statements,
    known_statements,
    run_statements,
)


def model(name: str, select: str, *after: str) -> Statement:
    sql = f"create table if not exists made.{name} (n int); truncate made.{name}; insert into made.{name} {select}"
    return Statement(name, f"models/{name}.sql", sql, after, f'"made"."{name}"')


def check(
    name: str, broken: str, *after: str, severity: str = "ERROR", warn_if: str = "<> 0", error_if: str = "<> 0"
) -> Statement:
    """A test as dbt compiles it: how many rows, whether to warn, whether it is an error."""
    sql = f"select count(*), count(*) {warn_if}, count(*) {error_if} from ({broken}) as found"
    return Statement(name, f"tests/{name}.sql", sql, after, severity=severity)


@pytest.fixture(autouse=True)
def schema(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as conn:
        conn.execute("create schema made")


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


def said(outcomes: list[Outcome]) -> list[tuple[str, str, str | None]]:
    return sorted((each.path, each.status, each.message) for each in outcomes)


def test_what_each_did_is_told_in_dbts_words(database_dsn: str) -> None:
    """Tests that fail stop nothing."""
    outcomes = run_statements(
        database_dsn,
        [
            model("first", "select generate_series(1, 3)"),
            check("none_is_even", "select from made.first where n % 2 = 0", "first"),
            check("none_is_odd", "select from made.first where n % 2 = 1", "first"),
            check("none_is_four", "select from made.first where n = 4", "first"),
            model("second", "select n from made.first", "first"),
        ],
    )
    assert said(outcomes) == [
        ("models/first.sql", "success", "INSERT 0 3"),
        ("models/second.sql", "success", "INSERT 0 3"),
        ("tests/none_is_even.sql", "fail", "1 row(s) where none may be"),
        ("tests/none_is_four.sql", "pass", None),
        ("tests/none_is_odd.sql", "fail", "2 row(s) where none may be"),
    ]
    assert {each.path: (each.rows, each.failures) for each in outcomes if each.status != "pass"} == {
        "models/first.sql": (3, None),
        "models/second.sql": (3, None),
        "tests/none_is_even.sql": (None, 1),
        "tests/none_is_odd.sql": (None, 2),
    }
    assert all(each.began_at and each.ended_at and each.began_at <= each.ended_at for each in outcomes)
    assert {each.name for each in outcomes if each.is_failure} == {"none_is_even", "none_is_odd"}
    assert rows(database_dsn, "second") == [1, 2, 3]


def test_a_model_that_fails_changes_nothing_and_none_begins_after_it(database_dsn: str) -> None:
    run_statements(database_dsn, [model("first", "select 1"), model("second", "select n from made.first", "first")])
    outcomes = run_statements(
        database_dsn,
        [
            model("first", "select 1 / 0"),
            model("second", "select n + 1 from made.first", "first"),
            check("nobody_asks", "select 1", "second"),
        ],
    )
    assert said(outcomes) == [
        ("models/first.sql", "error", "division by zero"),
        ("models/second.sql", "skipped", None),
        ("tests/nobody_asks.sql", "skipped", None),
    ]
    assert rows(database_dsn, "first") == [1]
    assert rows(database_dsn, "second") == [1]


@pytest.mark.parametrize(
    ("rows_found", "severity", "warn_if", "error_if", "outcome"),
    [
        (0, "ERROR", "<> 0", "<> 0", "passes"),
        (3, "ERROR", "<> 0", "<> 0", "fails"),
        (3, "WARN", "<> 0", "<> 0", "warns"),
        (3, "ERROR", "<> 0", "> 10", "warns"),
        (11, "ERROR", "<> 0", "> 10", "fails"),
        (3, "ERROR", "> 5", "> 10", "passes"),
        (7, "WARN", "> 5", "<> 0", "warns"),
        (3, "WARN", "> 5", "<> 0", "passes"),
        (0, "ERROR", "<> 0", "= 0", "fails"),
    ],
)
def test_a_test_is_judged_as_dbt_judges_it(
    database_dsn: str, caplog: pytest.LogCaptureFixture, rows_found: int, severity: str, warn_if: str, error_if: str,
    outcome: str,
) -> None:  # fmt: skip
    statement = check(
        "truth", f"select generate_series(1, {rows_found})", severity=severity, warn_if=warn_if, error_if=error_if
    )
    (judged,) = run_statements(database_dsn, [statement])
    assert judged.status == {"passes": "pass", "warns": "warn", "fails": "fail"}[outcome]
    assert judged.failures == rows_found
    assert (f"tests/truth.sql: warn: {rows_found} row" in caplog.text) == (outcome == "warns")


# --- what is run again is what the project compiles to, and fits the views that stand ---------------------------


@pytest.fixture
def home(tmp_path: Path, database_dsn: str) -> Path:
    """A project without models, and a warehouse with a view and three functions."""
    for folder in ("models", "functions", "macros", "tests"):
        (tmp_path / "dbt_project" / folder).mkdir(parents=True)
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text("name: x")
    with psycopg.connect(database_dsn) as conn:
        conn.execute("create schema raw create table raw.dbt_project (fingerprint text primary key, statements jsonb)")
        conn.execute("create schema staging create view staging.paid as select 5 as fen")
        conn.execute("create function raw.has_taken(int) returns boolean language sql as 'select $1 = 1'")
        conn.execute("create schema intermediate")
        conn.execute("create aggregate intermediate.finds_room(int) (sfunc = int4pl, stype = int, initcond = '0')")
        conn.execute("create function intermediate.fen_on(date) returns setof int language sql as 'select 5'")
    return tmp_path


KEPT = [model("first", "select 1"), check("truth", "select 1 where false", "first")]


def _keep(dsn: str, home: Path, statements: list[Statement]) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        keep_statements(conn, home, statements)


def _known(dsn: str, home: Path) -> list[Statement] | None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        return known_statements(conn, home)


def test_what_was_kept_is_run_again(database_dsn: str, home: Path) -> None:
    assert _known(database_dsn, home) is None
    _keep(database_dsn, home, KEPT)
    assert _known(database_dsn, home) == KEPT


@pytest.mark.parametrize(
    "change",
    [
        "update raw.dbt_project set statements = jsonb_set(statements, '{0,sql}', '\"select 50000000\"')",
        "update raw.dbt_project set statements = jsonb_set(statements, '{1,severity}', '\"WARN\"')",
        "update raw.dbt_project set statements = statements - 1",
        "update raw.dbt_project set statements = statements || jsonb_set(statements -> 0, '{name}', '\"x\"')",
        "create or replace view staging.paid as select 50000000 as fen",
        "drop view staging.paid",
        "create view staging.unpaid as select 1 as fen",
        "create or replace function raw.has_taken(int) returns boolean language sql as 'select true'",
        "create function raw.has_taken(bigint) returns boolean language sql as 'select true'",
        "create or replace aggregate intermediate.finds_room(int) (sfunc = int4larger, stype = int, initcond = '0')",
        "create or replace function intermediate.fen_on(date) returns setof int language sql as 'select 50'",
        "drop function raw.has_taken",
    ],
)
def test_what_was_changed_in_the_database_is_built_again(
    database_dsn: str, home: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    _keep(database_dsn, home, KEPT)
    with psycopg.connect(database_dsn) as conn:
        conn.execute(change.encode())
    assert _known(database_dsn, home) is None
    assert "are not those that the project compiles to: dbt builds again" in caplog.text


def test_without_its_digest_outside_of_the_database_dbt_builds_again(
    database_dsn: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(database_dsn, home, KEPT)
    monkeypatch.setenv("LAOYOUHUI_COMPILED", str(tmp_path / "elsewhere"))
    assert _known(database_dsn, home) is None
    _keep(database_dsn, home, KEPT)
    assert list((tmp_path / "elsewhere").glob("*.sha256"))
    assert _known(database_dsn, home) == KEPT


def test_only_the_project_that_was_built_last_is_run_again(database_dsn: str, home: Path) -> None:
    """One project, another, the first again: its statements would read the other's views."""
    _keep(database_dsn, home, KEPT)
    file = home / "dbt_project" / "models" / "first.sql"
    file.write_text("select 2")
    assert _known(database_dsn, home) is None
    _keep(database_dsn, home, KEPT[:1])
    assert _known(database_dsn, home) == KEPT[:1]
    file.unlink()
    assert _known(database_dsn, home) is None
    with psycopg.connect(database_dsn, autocommit=True) as conn:
        keep_statements(conn, home, KEPT)
        forget_statements(conn)  # a build that has begun, and died
    assert _known(database_dsn, home) is None
