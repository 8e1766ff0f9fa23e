"""Who reads the warehouse keeps what he has: rights and views of his own survive releases, builds and upgrades, and
nobody who reads, or forgets to end his reading, holds up a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.campaign.harness import HOME, Carrier, Story, close, people, settings, subscribers, terms
from tests.project import copy_dbt_project

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import DecideError, decide
from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.release import ReleaseRefused, release

WHO = people("""
S-ONE 01
S-TWO 02
""")
MARTS = "dbt_project/models/marts/operations"
MEMBERS = "dbt_project/models/ledger/membership/members"


class Project:
    """A copy of the dbt project and what goes with it, to be changed as an upgrade would."""

    def __init__(self, folder: Path) -> None:
        self.home = copy_dbt_project(folder)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.home / path).read_text("utf-8")
        assert old in text, f"{path} holds no {old!r}"
        (self.home / path).write_text(text.replace(old, new, 1), "utf-8")


def as_shipped(folder: Path) -> Path:
    """The project as it is, but new to the warehouse: dbt builds it."""
    project = Project(folder)
    project.edit(f"{MEMBERS}.sql", "-- Who is", f"-- From {folder.parent.name}. Who is")
    return project.home


class Office:
    """A campaign that is closed day by day, and the people who read its warehouse."""

    def __init__(self, folder: Path, dsn: str) -> None:
        story = Story("readers", terms("2026-01-26", "2026-04-30"), [])
        self.carrier = Carrier(folder / "exchange")
        self.settings = settings(story, folder, dsn)
        self.dsn = dsn

    def close(self, day: str, home: Path = HOME) -> None:
        """Close a date, with the project that stands in `home`."""
        made: Settings = replace(self.settings, home=home)
        self.carrier.deliver(subscribers(WHO), day)
        close(made, day)

    def admin(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            cursor = conn.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def login(self, role: str) -> psycopg.Connection:
        return psycopg.connect(self.dsn, user=role, password="reads", application_name="a desk")

    def sees(self, role: str, sql: str) -> list[tuple[Any, ...]]:
        with self.login(role) as conn:
            return conn.execute(sql.encode()).fetchall()


@pytest.fixture(scope="module")
def office(new_warehouse: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Office:
    """The eve is closed; `analyst` has rights, views and default rights of his own."""
    made = Office(tmp_path_factory.mktemp("office"), new_warehouse())
    made.close("20260125")
    made.admin("""
        create role analyst login password 'reads';
        create schema desk authorization analyst;
        grant usage on schema marts, ledger to analyst;
        grant select on marts.budget_by_line_month, marts.intake_by_file, ledger.members to analyst;
        grant select (item_key) on marts.exceptions to analyst;
        alter default privileges in schema marts grant select on tables to analyst;
        set role analyst;
        create view desk.plan as select budget_line, month, plan_fen from marts.budget_by_line_month;
        create view desk.files as select file_name, reason from marts.intake_by_file;
        create view desk.members as select subscriber_id, city_code from ledger.members;
    """)
    return made


def keeps(office: Office, day: str) -> None:
    """What `analyst` had on the eve he has now, and it shows the last release."""
    assert office.sees(
        "analyst", "select budget_line, plan_fen from desk.plan where plan_fen > 0 and budget_line = 'B1'"
    ) == [("B1", 1000000)]
    files = [name for (name,) in office.sees("analyst", "select file_name from desk.files order by 1")]
    assert files[-1] == f"subscriber_{day}_0001.txt"
    office.sees("analyst", "select * from desk.members")
    office.sees("analyst", "select item_key from marts.exceptions")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.sees("analyst", "select detail from marts.exceptions")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.sees("analyst", "select * from marts.recognition")


def test_rights_and_views_survive_a_release(office: Office) -> None:
    office.close("20260126")
    keeps(office, "20260126")


def test_a_reader_who_idles_in_a_transaction_holds_up_no_ordinary_day_and_is_left_alone(office: Office) -> None:
    with office.login("analyst") as reader:
        before = reader.execute("select count(*) from desk.files").fetchone()
        began = time.monotonic()
        office.close("20260127")
        assert time.monotonic() - began < 30
        assert before == (2,)
        assert reader.execute("select count(*) from desk.files").fetchone() == (3,)
    keeps(office, "20260127")


def test_rows_that_did_not_change_are_not_written_again(office: Office) -> None:
    written = "select ctid::text, xmin::text from marts.budget_by_line_month order by 1"
    before = office.admin(written)
    office.close("20260128")
    assert before
    assert office.admin(written) == before
    assert office.admin("select count(*) from marts.intake_by_file") == [(4,)]


def test_rights_and_views_survive_a_build_of_a_changed_project(office: Office, tmp_path: Path) -> None:
    office.close("20260129", as_shipped(tmp_path / "same"))
    keeps(office, "20260129")


def test_an_upgrade_adds_columns_and_marts_under_views_that_people_built(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A column in the middle of a mart, and of a view; a mart more; and a reader who idles on the mart meanwhile."""
    project = Project(tmp_path / "new")
    column = "      - name: {}\n        description: More.\n        data_type: {}\n"
    project.edit(
        f"{MARTS}/intake_by_file.sql", "        deliveries.state,\n", "        7 as more,\n        deliveries.state,\n"
    )
    project.edit(
        f"{MARTS}/intake_by_file.yml", "      - name: state\n", column.format("more", "int") + "      - name: state\n"
    )
    project.edit(f"{MEMBERS}.sql", "    states.city_code,\n", "    8 as more,\n    states.city_code,\n")
    project.edit(
        f"{MEMBERS}.yml", "      - name: city_code\n", column.format("more", "int") + "      - name: city_code\n"
    )
    for name in ("dbt_project/models/marts/operations/tickets_more.sql", "expectations/tickets_more.yml"):
        (project.home / name).write_text(
            "select count(*) as files from {{ ref('stg_carrier__files') }}\n"
            if name.endswith("sql")
            else "suite: tickets_more\nrelation: marts_candidate.tickets_more\nrows_named_by: [files]\n"
            "what_to_do: Look.\nexpectations:\n"
            "  - description: there are files\n    type: expect_column_values_to_be_between\n"
            "    kwargs: {column: files, min_value: 1}\n"
        )
    (project.home / MARTS / "tickets_more.yml").write_text(
        "version: 2\nmodels:\n  - name: tickets_more\n    description: More.\n    columns:\n"
        + column.format("files", "bigint")
    )
    reader = office.login("analyst")
    reader.execute("select count(*) from desk.files")
    office.close("20260130", project.home)

    keeps(office, "20260130")
    assert office.admin("select distinct more from marts.intake_by_file") == [(7,)]
    assert office.admin("select count(more) = count(*) from ledger.members") == [(True,)]
    assert office.sees("analyst", "select files from marts.tickets_more") == [(6,)]
    with pytest.raises(psycopg.OperationalError):
        reader.execute("select count(*) from desk.files")
    assert "role analyst (a desk, from 127.0.0.1" in caplog.text
    assert "idles in a transaction since" in caplog.text

    # and back again: the mart and the columns are gone
    office.close("20260131", as_shipped(tmp_path / "back"))
    keeps(office, "20260131")
    assert office.admin("select to_regclass('marts.tickets_more'), to_regclass('marts_candidate.tickets_more')") == [
        (None, None)
    ]
    assert "more" not in [
        name
        for (name,) in office.admin(
            "select attname from pg_attribute where attrelid = 'marts.intake_by_file'::regclass and not attisdropped"
        )
    ]


def test_an_upgrade_that_would_take_a_column_from_a_mart_under_a_view_is_refused_by_name(
    office: Office, tmp_path: Path
) -> None:
    project = Project(tmp_path / "new")
    project.edit(f"{MARTS}/intake_by_file.sql", "        deliveries.reason,\n", "")
    project.edit(
        f"{MARTS}/intake_by_file.yml",
        "      - name: reason\n        description: \"{{ doc('reason') }}\"\n        data_type: text\n",
        "",
    )
    with pytest.raises(ReleaseRefused) as refused:
        office.close("20260201", project.home)
    assert "marts.intake_by_file: its column reason is gone" in str(refused.value)
    assert "view desk.files depends on column reason" in str(refused.value)
    keeps(office, "20260131")

    definition = office.admin("select pg_get_viewdef('desk.files')")
    office.admin("drop view desk.files")
    office.close("20260201", project.home)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        office.admin(f"create view desk.files as {definition[0][0]}")
    office.admin("set role analyst; create view desk.files as select file_name from marts.intake_by_file")
    keeps(office, "20260201")


def test_an_upgrade_that_would_take_a_column_from_a_view_under_a_view_is_refused_by_name(
    office: Office, tmp_path: Path
) -> None:
    project = Project(tmp_path / "new")
    project.edit(f"{MEMBERS}.sql", "    states.city_code,\n", "")
    project.edit(
        f"{MEMBERS}.yml",
        """      - name: city_code
        description: "{{ doc('city_code') }}"
        data_type: text
""",
        "",
    )
    with pytest.raises(
        DecideError, match=r"(?s)ledger.members: columns go or have another type: city_code.*desk.members"
    ):
        office.close("20260202", project.home)
    office.close("20260202", as_shipped(tmp_path / "back"))
    keeps(office, "20260202")


def test_a_reader_who_takes_the_lock_of_the_steps_or_a_name_of_ours_is_told_and_holds_up_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may log in can do both, and would stop every step of every date."""
    with (
        office.login("analyst") as lock,
        psycopg.connect(office.dsn, user="analyst", password="reads", application_name="laoyouhui dbt") as named,
    ):
        lock.execute("select pg_advisory_lock(7041001)")
        named.execute("select count(*) from desk.files")
        office.close("20260203")
        with pytest.raises(psycopg.OperationalError):
            lock.execute("select 1")
        assert named.execute("select 1").fetchone() == (1,)  # in nobody's way
    assert "role analyst" in caplog.text
    assert "held the lock of the pipeline's steps: it was ended" in caplog.text
    keeps(office, "20260203")


def test_whoever_locks_what_the_gate_or_the_delivery_needs_is_ended(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    day = date(2026, 2, 4)
    office.carrier.deliver(subscribers(WHO), "20260204")
    ingest(office.settings, day)
    decide(office.settings, day)
    with psycopg.connect(office.dsn, application_name="an operator") as operator:
        operator.execute("lock table ledger.recharge_decisions in access exclusive mode")
        release(office.settings, day)
        with pytest.raises(psycopg.OperationalError):
            operator.execute("select 1")
    with psycopg.connect(office.dsn, application_name="an operator") as operator:
        operator.execute("select from raw.run for update")
        deliver(office.settings, day)
        with pytest.raises(psycopg.OperationalError):
            operator.execute("select 1")
    assert caplog.text.count("(an operator, from") >= 2
    keeps(office, "20260204")
