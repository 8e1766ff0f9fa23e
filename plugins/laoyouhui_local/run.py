"""`make run`: close business dates one after another through Airflow's own scheduler, and tell what came of it.

Reads STORY, or EXCHANGE, JOURNAL, CAMPAIGN, FROM, TO, and RERUN from the environment. What is closed already is not run
again, unless RERUN is set or something new has come for the last date. Ends with 0 when every date is closed, 1 when
one failed, 2 when it was asked for something that it cannot do.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import date

import psycopg

from laoyouhui.config.errors import ConfigError
from laoyouhui.delivery.transport import FolderTransport, RemoteFile, UnreadableError
from laoyouhui.exports.names import parse_stem as parse_sent_stem
from laoyouhui.feeds.checkfile import check_line
from laoyouhui.feeds.masks import digest
from laoyouhui.feeds.names import parse_stem
from laoyouhui.pipeline.ingest import oldest_date
from laoyouhui.warehouse.connection import connect
from laoyouhui_local.airflow import Airflow, AirflowError
from laoyouhui_local.console import say
from laoyouhui_local.sample.carrier import SampleCarrier
from laoyouhui_local.server import ServerError
from laoyouhui_local.summary import day_line, say_summary
from laoyouhui_local.workspace import HOME, UsageError, Workspace, read_workspace

_POLL_SECONDS = 0.3


def main() -> int:
    """Run the command and return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        workspace = read_workspace(os.environ)
        dates = workspace.dates(os.environ)
        with workspace.locked(), workspace.server() as server_dsn:
            workspace.bring_journal(os.environ)
            return _run(workspace, server_dsn, dates, rerun=bool(os.environ.get("RERUN")))
    except (UsageError, ConfigError) as error:
        say(str(error), wrong=True)
        return 2
    except (ServerError, AirflowError) as error:
        say(f"\n{error}", wrong=True)
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. What was done stands; `make run` goes on from there.", wrong=True)
        return 130


def _run(workspace: Workspace, server_dsn: str, dates: Sequence[date], *, rerun: bool) -> int:
    warehouse = workspace.warehouse(server_dsn)
    todo = list(dates) if rerun else dates_to_run(workspace, warehouse, dates)
    say(f"{workspace.title}: {dates[0]} to {dates[-1]}, {len(todo)} to close")
    say(f"exchange {workspace.exchange}, logs {workspace.folder / 'logs'}")
    if todo and not _close(workspace, server_dsn, warehouse, todo):
        return 1
    say_summary(workspace, warehouse)
    return 0


def _close(workspace: Workspace, server_dsn: str, warehouse: str, dates: Sequence[date]) -> bool:
    """Close the dates in order; stop at the first that fails, and say why."""
    started = time.monotonic()
    pipeline = workspace.pipeline_environment(warehouse)
    with Airflow(HOME, workspace.folder, server_dsn, workspace.airflow_database, pipeline) as airflow:
        carrier = None
        if workspace.story:
            carrier = SampleCarrier(workspace.exchange, campaign_starts_on=workspace.campaign.starts_on)
            carrier.deliver(dates[0])
        airflow.wait_until_ready()
        say(
            f"Airflow is up after {time.monotonic() - started:.0f} s: {airflow.page} "
            f"(user admin, password in {airflow.passwords_file})\n"
        )
        for day in dates:
            if carrier:
                carrier.deliver(day)
            if not _close_one(airflow, warehouse, day):
                return False
            if carrier:
                carrier.answer(day)
    return True


def _close_one(airflow: Airflow, warehouse: str, day: date) -> bool:
    started = time.monotonic()
    say(f"{day}  ", end="")
    run_id = airflow.api.trigger(day)
    told: set[str] = set()
    while True:
        airflow.check()
        state = airflow.api.run_state(run_id)
        for task, (task_state, seconds) in airflow.api.task_states(run_id).items():
            if task not in told and task_state in {"success", "failed"}:
                told.add(task)
                failed = " FAILED" if task_state == "failed" else ""
                say(f"{task}{failed} {seconds or 0:.1f}  ", end="")
        if state in {"success", "failed"}:
            break
        time.sleep(_POLL_SECONDS)
    if state == "success":
        say(f"| {day_line(warehouse, day)} | {time.monotonic() - started:.1f} s")
        return True
    say()
    for task, log, reason in airflow.task_errors(run_id):
        say(f"\n{day}: {task} failed:\n{reason}\nIts log: {log}", wrong=True)
    say("\nNo later date is run. Mend the cause, then `make run` goes on from here.", wrong=True)
    return False


def dates_to_run(workspace: Workspace, warehouse: str, dates: Sequence[date]) -> list[date]:
    """The dates that are not closed; and the last one again when it is the latest closed and something new has come.

    Closed is a date whose last attempt was released and delivered. New is a file in `in/` or an answer in `ack/` that
    the warehouse has not seen with this content; what cannot be read is not.
    """
    with connect(warehouse) as conn:
        known = conn.execute("select to_regclass('raw.run')").fetchone()
        if known is None or known[0] is None:
            return list(dates)
        closed = {
            row[0]
            for row in conn.execute(
                "select business_date from raw.run where delivered_at is not null "
                "and not exists (select from raw.current_run as begun "
                "where begun.business_date = run.business_date and attempt_no > attempts_released) "
                "and not exists (select from outbox.file "
                "where business_date = run.business_date and delivered_at is null)"
            )
        }
        todo = [day for day in dates if day not in closed]
        last = dates[-1]
        if not todo and last == max(closed) and _has_news(conn, workspace, last):
            todo = [last]
    return todo


def _has_news(conn: psycopg.Connection, workspace: Workspace, last: date) -> bool:
    carrier = workspace.carrier
    oldest = oldest_date(workspace.campaigns)
    seen = {
        (feed, file_name.partition(".")[0]): (file_name, line, state, size, mtime_ns)
        for feed, file_name, line, state, size, mtime_ns in conn.execute(
            "select taken.feed, taken.file_name, check_line, case when withdrawn_on is null then state "
            "else 'WITHDRAWN' end, bytes, mtime_ns "
            "from raw.delivery as taken left join raw.withdrawal using (delivery_no) order by delivery_no"
        )
    }
    transport = FolderTransport(workspace.exchange)
    for name, feed in carrier.feeds.items():
        files = {file.name: file for file in _listed(transport, f"in/{name}")}
        for check in files:
            stem = check.removesuffix(carrier.check_file.suffix)
            named = parse_stem(stem, name, feed) if stem != check else None
            if named is None or not oldest <= named.business_date <= last:
                continue
            names = (stem + carrier.files.suffix, f"{stem}{carrier.files.suffix}.gz")
            data = [files[each] for each in names if each in files]
            line = _read(transport, f"in/{name}/{check}") if data else None
            if line is not None and not any(_is_seen(file, line, seen.get((name, stem))) for file in data):
                return True
    answers = {(row[0], row[1]) for row in conn.execute("select file_stem, sha256 from raw.answer")}
    for name, interface in carrier.interfaces.items():
        for file in _listed(transport, f"ack/{name}"):
            stem = file.name.removesuffix(".rsp")
            sent = parse_sent_stem(name, interface, stem) if stem != file.name else None
            ours = sent is not None and sent.campaign_id in {None, *(each.campaign_id for each in workspace.campaigns)}
            if sent is None or not ours or sent.business_date >= last:
                continue
            content = _read(transport, f"ack/{name}/{file.name}")
            if content is not None and (stem, hashlib.sha256(content).hexdigest()) not in answers:
                return True
    return False


def _listed(transport: FolderTransport, folder: str) -> list[RemoteFile]:
    try:
        return transport.list(folder)
    except UnreadableError:
        return []  # the run lists it as waiting


def _read(transport: FolderTransport, path: str) -> bytes | None:
    try:
        return transport.read(path)
    except UnreadableError:
        return None


def _is_seen(data: RemoteFile, line: bytes, last: tuple[str, str, str, int, int] | None) -> bool:
    """Whether a data file was ingested last under its name: loaded with this check line, or quarantined as it
    stands."""
    if last is None or last[0] != data.name or last[1] not in {check_line(line), digest(line)}:
        return False
    return last[2] == "LOADED" or last[3:] == (data.size, data.mtime_ns)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
