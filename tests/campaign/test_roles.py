"""Who may do what in the warehouse: each step's role and each group of people tries what it may not, and is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.campaign.harness import Carrier, Story, close, people, recharges, settings, subscribers, terms

WHO = people("""
S-ONE 01
S-TWO 02
""")


@pytest.fixture(scope="module")
def dsn(new_warehouse: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse in which two dates were closed, with a user in each group."""
    folder = tmp_path_factory.mktemp("roles")
    made = settings(Story("roles", terms("2026-01-26", "2026-04-30"), []), folder, new_warehouse())
    carrier = Carrier(Path(made.exchange))
    for day in ("20260125", "20260126"):
        carrier.deliver(subscribers(WHO), day)
        if day == "20260126":
            carrier.deliver(recharges("R-ONE S-ONE 20260126100000 20000 18800 APP"), day)
        close(made, day)
    with psycopg.connect(made.warehouse_dsn) as conn:
        conn.execute("create role mei login password 'reads' in role laoyouhui_marketing")
        conn.execute("create role cai login password 'reads' in role laoyouhui_finance")
        conn.execute("create role nobody_s login password 'reads'")
    return made.warehouse_dsn


def ask(dsn: str, sql: str, *, step: str | None = None, user: str | None = None) -> list[tuple[Any, ...]]:
    """Run a statement as a step's role, or logged in as a person; what it did is taken back."""
    login = {"user": user, "password": "reads"} if user else {}
    with psycopg.connect(dsn, **login) as conn:
        if step:
            conn.execute(f"set role laoyouhui_{step}".encode())
        cursor = conn.execute(sql.encode())
        rows = cursor.fetchall() if cursor.description else []
        conn.rollback()
    return rows


def test_what_the_pipeline_made_is_the_owner_s(dsn: str) -> None:
    others = """
        select nspname, relname, relowner::regrole from pg_class
        join pg_namespace as schema on schema.oid = relnamespace
        where relkind in ('r', 'v') and relowner <> 'laoyouhui_owner'::regrole and nspname in ('raw', 'outbox', 'vault',
            'staging', 'intermediate', 'ledger', 'exports', 'marts_candidate', 'marts', 'watch')
    """
    assert ask(dsn, others) == []
    assert ask(dsn, "select count(*) > 10 from pg_tables where schemaname = 'marts'") == [(True,)]


@pytest.mark.parametrize(
    ("step", "sql"),
    [
        ("load", "update raw.delivery set rows_loaded = 0"),
        ("load", "delete from raw.delivery"),
        ("load", "update raw.recharge set face_amount = '1'"),
        ("load", "truncate raw.recharge"),
        ("load", "update raw.manual_override set requested_by = 'x'"),
        ("load", "delete from vault.secret"),
        ("load", "insert into ledger.expenses default values"),
        ("load", "insert into outbox.file default values"),
        ("load", "create table raw.mine (n int)"),
        ("load", "drop table raw.recharge"),
        ("decide", "select * from vault.secret"),
        ("decide", "insert into raw.recharge default values"),
        ("decide", "update ledger.recharge_decisions set entitled_fen = 1"),
        ("decide", "insert into outbox.item default values"),
        ("decide", "insert into marts.budget_by_line_month default values"),
        ("decide", "create or replace view ledger.members as select 1"),
        ("release", "update outbox.item set line = ''"),
        ("release", "delete from outbox.file"),
        ("release", "select secret from vault.secret"),
        ("release", "insert into ledger.expenses default values"),
        ("release", "update exports.export_credit set amount = 1"),
        ("release", "alter table marts.exceptions add column mine int"),
        ("deliver", "update outbox.item set line = ''"),
        ("deliver", "update outbox.file set rows = 0"),
        ("deliver", "delete from outbox.item"),
        ("deliver", "insert into outbox.item default values"),
        ("deliver", "insert into vault.secret default values"),
        ("deliver", "update raw.run set attempts_released = 9"),
        ("deliver", "insert into ledger.expenses default values"),
        ("watch", "delete from raw.alert"),
        ("watch", "select * from vault.secret"),
        ("watch", "update raw.run set delivered_at = now()"),
        ("watch", "insert into outbox.file default values"),
        ("watch", "insert into ledger.expenses default values"),
    ],
)
def test_a_step_is_refused_what_is_another_s(dsn: str, step: str, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(dsn, sql, step=step)


@pytest.mark.parametrize("mart", ["participation_by_day", "messages_by_day", "budget_by_line_month"])
def test_marketing_reads_figures(dsn: str, mart: str) -> None:
    ask(dsn, f"select * from marts.{mart}", user="mei")
    ask(dsn, f"select * from marts.{mart}", user="cai")


def test_marketing_reads_nothing_of_subscribers_by_any_road(dsn: str) -> None:
    """Every relation that marketing may read is one of figures, and no other schema opens."""
    columns = ask(
        dsn,
        """
        select relation.oid::regclass::text, attname from pg_attribute
        join pg_class as relation on relation.oid = attrelid
        where attname in ('subscriber_id', 'customer_id', 'msisdn', 'item_key', 'family_msisdn') and attnum > 0
            and relnamespace::regnamespace::text !~ '^pg_' and has_schema_privilege(relnamespace, 'usage')
            and has_column_privilege(relation.oid, attnum, 'select')
        """,
        user="mei",
    )
    assert columns == []
    for relation in (
        "marts.exceptions",
        "marts.device_orders",
        "marts_candidate.budget_by_line_month",
        "raw.subscriber",
        "ledger.ledger_entries",
        "ledger.members",
        "outbox.item",
        "vault.secret",
        "exports.export_credit",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(dsn, f"select * from {relation}", user="mei")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(dsn, "set role laoyouhui_owner", user="mei")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(dsn, "insert into marts.participation_by_day select * from marts.participation_by_day", user="mei")


def test_finance_reads_the_ledger_with_subscribers_and_no_phone_number(dsn: str) -> None:
    assert ask(
        dsn, "select distinct subscriber_id from ledger.ledger_entries where benefit = 'RECHARGE_BONUS'", user="cai"
    ) == [("S-ONE",)]
    ask(dsn, "select * from marts.exceptions", user="cai")
    readable = ask(
        dsn,
        """
        select relation.oid::regclass::text from pg_class as relation
        where relkind in ('r', 'v') and relnamespace::regnamespace::text in ('marts', 'ledger', 'watch')
            and has_schema_privilege(relnamespace, 'usage') and has_table_privilege(relation.oid, 'select')
        """,
        user="cai",
    )
    assert len(readable) > 20
    for (relation,) in readable:
        for row in ask(dsn, f"select row_to_json(r)::text from {relation} as r", user="cai"):
            assert "1300000000" not in row[0], relation
    for relation in ("ledger.members", "raw.subscriber", "outbox.item", "intermediate.int_subscriber__history"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(dsn, f"select * from {relation}", user="cai")


@pytest.mark.parametrize("user", ["mei", "cai", "nobody_s"])
@pytest.mark.parametrize(
    "sql",
    [
        "create table public.mine (n int)",
        "create view marts.mine as select 1",
        "create schema mine",
        "create function public.mine() returns int language sql as 'select 1'",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/mine'",
        "select pg_read_file('postgresql.conf')",
        "select pg_ls_dir('.')",
        "select lo_import('/etc/hostname')",
        "set role laoyouhui_load",
        "set role laoyouhui_deliver",
        "set session authorization laoyouhui_owner",
        "alter role laoyouhui_finance superuser",
        "grant laoyouhui_finance to mei",
        "set session_replication_role = replica",
        "select raw.make_append_only('raw.run', 'all')",
        "select raw.declare_readers('ledger.members', '{laoyouhui_marketing}')",
        "select last_value from raw.step_step_no_seq",
        "update marts.budget_by_line_month set plan_fen = 1",
        "truncate marts.budget_by_line_month",
        "create trigger mine after insert on marts.budget_by_line_month execute function unique_key_recheck()",
        "create rule mine as on select to marts.budget_by_line_month do instead select 1",
        "lock table marts.budget_by_line_month in access exclusive mode",
    ],
)  # fmt: skip
def test_a_reader_makes_nothing_and_takes_no_other_road(dsn: str, user: str, sql: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)):
        ask(dsn, sql, user=user)


@pytest.mark.parametrize("step", ["load", "decide", "release", "deliver", "watch"])
@pytest.mark.parametrize(
    "sql",
    [
        "create table public.mine (n int)",
        "create schema mine",
        "create function public.mine() returns int language sql as 'select 1'",
        "copy (select 1) to program 'true'",
        "select pg_read_file('postgresql.conf')",
        "select lo_import('/etc/hostname')",
        "delete from raw.journal_entry",
        "update raw.journal_entry set entry_sha256 = ''",
        "alter table outbox.item disable trigger user",
        "alter table raw.journal_entry disable trigger user",
        "create or replace function raw.refuse_change() returns trigger language plpgsql as 'begin return null; end'",
        "update outbox.file set rows = 0",
        "update vault.owner set subscriber_id = 'S-TWO'",
        "delete from ledger.recharge_decisions where business_date = '2026-01-26'",
    ],
)
def test_a_step_makes_nothing_and_undoes_nothing(dsn: str, step: str, sql: str) -> None:
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation)
    with pytest.raises(refused):
        ask(dsn, sql, step=step)


def test_no_function_of_ours_lends_its_owner_s_rights(dsn: str) -> None:
    lending = (
        "select oid::regprocedure::text from pg_proc where prosecdef and pronamespace <> 'pg_catalog'::regnamespace"
    )
    assert ask(dsn, lending) == []


def test_who_is_in_no_group_reads_nothing(dsn: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(dsn, "select * from marts.participation_by_day", user="nobody_s")
