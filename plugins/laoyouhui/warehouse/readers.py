"""Readers of the warehouse never stop a run: a session that blocks a step is named in the step's log, then ended.

A step needs a table to itself when dbt empties it, or a mart's shape changes. A session that idles in a transaction
locks such a table as long as it idles; a query, as long as it runs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from laoyouhui.warehouse.connection import DBT, GATE, HAS_STEP_LOCK, IS_OURS, connect

LOOK_SECONDS = 1.0
IDLE_SECONDS = 5  # that an idle transaction may keep blocking after the notice
QUERY_SECONDS = 60  # the same for a query that runs

# A session of the pipeline is dbt's, the gate's, or one that holds the lock of the steps; it is never ended.
_BLOCKERS = sql.SQL("""
    with pipeline (pid) as (
        select pid from pg_stat_activity
        where
            datname = current_database() and {ours}
            and (application_name in ({names}) or {holds})
    )
    select distinct
        blocker.pid,
        coalesce(blocker.usename, '?'),
        coalesce(nullif(blocker.application_name, ''), 'no application named'),
        coalesce(blocker.client_addr::text, 'this machine'),
        coalesce(blocker.state, '') like 'idle in transaction%',
        to_char(blocker.xact_start, 'YYYY-MM-DD HH24:MI:SS')
    from pipeline
    join pg_stat_activity as waiting on waiting.pid = pipeline.pid and waiting.wait_event_type = 'Lock'
    cross join unnest(pg_blocking_pids(waiting.pid)) as blocking (pid)
    join pg_stat_activity as blocker on blocker.pid = blocking.pid
    where blocker.backend_type = 'client backend' and blocker.pid not in (select pid from pipeline)
""").format(ours=IS_OURS, names=sql.SQL(", ").join(map(sql.Literal, (DBT, GATE))), holds=HAS_STEP_LOCK)

log = logging.getLogger(__name__)


@contextmanager
def readers_give_way(dsn: str) -> Iterator[None]:
    """While a step works: end sessions that block it, after a notice in the log that says who and since when."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(dsn, done), name="readers", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(timeout=10)


def _watch(dsn: str, done: threading.Event) -> None:
    if done.wait(LOOK_SECONDS):
        return  # most steps of a day are done by then: they cost no connection
    try:
        with connect(dsn, autocommit=True, name="laoyouhui readers") as conn:
            told: dict[int, float] = {}  # pid -> seconds that it has blocked since the notice
            while not done.is_set():
                told = _look(conn, told)
                done.wait(LOOK_SECONDS)
    except psycopg.Error as error:
        log.warning("cannot check whether readers block this step: %s", error)


def _look(conn: psycopg.Connection, told: dict[int, float]) -> dict[int, float]:
    found = conn.execute(_BLOCKERS).fetchall()
    still: dict[int, float] = {}
    for pid, role, application, address, is_idle, since in found:
        who = f"role {role} ({application}, from {address}, process {pid})"
        does = "idles in a transaction" if is_idle else "reads"
        patience = IDLE_SECONDS if is_idle else QUERY_SECONDS
        if pid not in told:
            log.warning("%s %s since %s and holds up this step: it is ended in %s s", who, does, since, patience)
        still[pid] = told.get(pid, -LOOK_SECONDS) + LOOK_SECONDS
        if still[pid] >= patience:
            _end(conn, pid, who)
    return still


def _end(conn: psycopg.Connection, pid: int, who: str) -> None:
    try:
        conn.execute("select pg_terminate_backend(%s)", (pid,))
    except psycopg.errors.InsufficientPrivilege:
        log.warning(
            "%s holds up this step, and the pipeline may not end it: end it, or grant pg_signal_backend to the "
            "pipeline's user",
            who,
        )
    else:
        log.warning("%s was ended: it held up this step", who)
