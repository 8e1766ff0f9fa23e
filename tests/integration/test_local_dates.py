"""Which dates `make run` runs: those not closed, and the last again when something new has come for it."""

from __future__ import annotations

import hashlib
import os
from datetime import date

import pytest

from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.prepare import prepare
from laoyouhui_local.run import dates_to_run
from laoyouhui_local.server import EmbeddedPostgres
from laoyouhui_local.workspace import read_workspace

DATES = [date(2026, 1, day) for day in (25, 26, 27)]
CHECK = "recharge_20260127_0001.txt|4|1|sha|0"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with EmbeddedPostgres(tmp_path_factory.mktemp("server"), fsync=False) as postgres:
        yield postgres


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "exchange" / "in" / "recharge").mkdir(parents=True)
    return read_workspace({"EXCHANGE": str(tmp_path / "exchange")})


@pytest.fixture
def warehouse(server, workspace):
    """A warehouse in which all three dates are closed."""
    dsn = server.create_database(workspace.database)
    with connect(dsn, autocommit=True) as conn:
        prepare(conn, workspace.carrier, workspace.campaign)
        for day in DATES:
            conn.execute(
                "insert into raw.run (business_date, attempts_released, started_at, released_at, delivered_at) "
                "values (%s, 1, now(), now(), now())",
                [day],
            )
    return dsn


def run_sql(dsn, query, *values):
    with connect(dsn) as conn:
        conn.execute(query, values)


def deliver(workspace, stem="recharge_20260127_0001", check=CHECK):
    folder = workspace.exchange / "in" / "recharge"
    (folder / f"{stem}.txt").write_bytes(b"row\n")
    (folder / f"{stem}.chk").write_text(f"{check}\n")
    return (folder / f"{stem}.txt").stat()


def ingest(dsn, stat, *, state="LOADED", check=CHECK):
    run_sql(
        dsn,
        "insert into raw.delivery (feed, file_name, business_date, seq, check_line, bytes, rows_received, rows_loaded, "
        "rows_quarantined, state, reason, received_on, mtime_ns) values "
        "('recharge', 'recharge_20260127_0001.txt', '2026-01-27', 1, %s, %s, 1, %s, %s, %s, %s, '2026-01-27', %s)",
        check,
        stat.st_size,
        int(state == "LOADED"),
        int(state == "SET_ASIDE"),
        state,
        "ROWS" if state == "SET_ASIDE" else None,
        stat.st_mtime_ns,
    )


def answer(workspace, stem):
    folder = workspace.exchange / "ack" / "credit"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.rsp").write_bytes(b"an answer")


def test_everything_in_a_new_warehouse(server, workspace):
    assert dates_to_run(workspace, server.create_database(workspace.database), DATES) == DATES


def test_nothing_where_all_is_closed(workspace, warehouse):
    assert dates_to_run(workspace, warehouse, DATES) == []


@pytest.mark.parametrize(
    "unfinished",
    [
        "update raw.run set delivered_at = null where business_date = '2026-01-26'",
        "insert into raw.current_run (business_date, attempt_no, is_retry) values ('2026-01-26', 2, false)",
        "insert into outbox.file values ('x', 'c', 'sms', '2026-01-26', 1, 1)",
    ],
    ids=["not delivered", "begun again and not released", "a file still to be delivered"],
)
def test_a_date_that_was_not_brought_to_its_end(workspace, warehouse, unfinished):
    run_sql(warehouse, unfinished)
    assert dates_to_run(workspace, warehouse, DATES) == [date(2026, 1, 26)]


def test_a_new_delivery_runs_the_last_date_again(workspace, warehouse):
    stat = deliver(workspace)
    assert dates_to_run(workspace, warehouse, DATES) == DATES[-1:]
    ingest(warehouse, stat)
    assert dates_to_run(workspace, warehouse, DATES) == []


def test_a_delivery_for_a_later_date_waits(workspace, warehouse):
    deliver(workspace, "recharge_20260128_0001")
    assert dates_to_run(workspace, warehouse, DATES) == []


def test_a_new_check_file_under_the_same_name_is_news(workspace, warehouse):
    ingest(warehouse, deliver(workspace))
    deliver(workspace, check=CHECK.replace("|4|", "|5|"))
    assert dates_to_run(workspace, warehouse, DATES) == DATES[-1:]


def test_what_was_quarantined_is_news_once_it_changes(workspace, warehouse):
    stat = deliver(workspace)
    ingest(warehouse, stat, state="SET_ASIDE")
    assert dates_to_run(workspace, warehouse, DATES) == []
    (workspace.exchange / "in" / "recharge" / "recharge_20260127_0001.txt").write_bytes(b"mended row\n")
    assert dates_to_run(workspace, warehouse, DATES) == DATES[-1:]


def test_files_being_written_are_no_news(workspace, warehouse):
    folder = workspace.exchange / "in" / "recharge"
    (folder / "recharge_20260127_0001.txt").touch()  # its check file is still to come
    (folder / "recharge_20260127_0002.chk").touch()  # its data file was taken away
    (folder / ".recharge_20260127_0003.chk").touch()
    assert dates_to_run(workspace, warehouse, DATES) == []


def test_a_new_answer_runs_the_last_date_again(workspace, warehouse):
    answer(workspace, "credit_lyh2026_20260126_0001")
    assert dates_to_run(workspace, warehouse, DATES) == DATES[-1:]
    run_sql(
        warehouse,
        "insert into raw.answer (file_stem, interface, sha256, state, reason, received_on) "
        "values ('credit_lyh2026_20260126_0001', 'credit', %s, 'SET_ASIDE', 'UNKNOWN_FILE', '2026-01-27')",
        hashlib.sha256(b"an answer").hexdigest(),
    )
    assert dates_to_run(workspace, warehouse, DATES) == []


def test_answers_that_this_run_may_not_see_are_no_news(workspace, warehouse):
    answer(workspace, "credit_lyh2026_20260127_0001")  # to a file of the last date: for the next run
    answer(workspace, "credit_spring_20260126_0001")  # another campaign's
    assert dates_to_run(workspace, warehouse, DATES) == []


def test_what_cannot_be_read_or_followed_is_no_news(workspace, warehouse, tmp_path):
    """A folder that is none, and pipes and links in place of files: nobody waits for a pipe's writer."""
    deliver(workspace)
    (tmp_path / "elsewhere").write_text("an answer")
    for folder in ("in/recharge", "ack/credit"):
        path = workspace.exchange / folder
        path.mkdir(parents=True, exist_ok=True)
    check = workspace.exchange / "in" / "recharge" / "recharge_20260127_0001.chk"
    check.unlink()
    os.mkfifo(check)
    (workspace.exchange / "in" / "hall").write_text("no folder")
    (workspace.exchange / "ack" / "sms").write_text("no folder")
    os.mkfifo(workspace.exchange / "ack" / "credit" / "credit_lyh2026_20260126_0001.rsp")
    (workspace.exchange / "ack" / "credit" / "credit_lyh2026_20260125_0001.rsp").symlink_to(tmp_path / "elsewhere")
    assert dates_to_run(workspace, warehouse, DATES) == []
    answer(workspace, "credit_lyh2026_20260125_0002")
    assert dates_to_run(workspace, warehouse, DATES) == DATES[-1:]


def test_an_earlier_date_is_not_run_again_for_news(workspace, warehouse):
    deliver(workspace, "recharge_20260126_0001")
    assert dates_to_run(workspace, warehouse, DATES[:2]) == []
