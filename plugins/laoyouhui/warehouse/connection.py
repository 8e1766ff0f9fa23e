"""Connections to the campaign's warehouse, and the lock that keeps two runs apart."""

from __future__ import annotations

import logging
import time
from datetime import date

import psycopg
from psycopg import sql

from laoyouhui.warehouse.dsn import with_options
from laoyouhui.warehouse.prepare import create_schema, is_of_another_release
from laoyouhui.warehouse.roles import OWNER, work_as

# A killed run's statement ends within the second that the server looks after its client, not when it is done: what
# begins after it does not work beside it.
# Nothing waits for ever for a lock: readers that hold one are ended long before (warehouse/readers.py). The database
# ends those who idle (warehouse/prepare.py); a step's session may wait for another one of it.
SESSION = (
    "-c timezone=Asia/Shanghai -c client_connection_check_interval=1s -c lock_timeout=5min "
    "-c idle_in_transaction_session_timeout=0"
)
DBT = "laoyouhui dbt"  # the name of dbt's sessions, as dbt_project/profiles.yml gives it
GATE = "laoyouhui gate"  # the name of those in which the release gate asks
_STEP_LOCK = 7_041_001  # the advisory lock's number, the same in every process
_LOOK_SECONDS = 0.05

# Whose session it is, whatever it calls itself: whoever may log in can take the lock of the steps, or a name of ours.
IS_OURS = sql.SQL(
    "(usename = session_user or coalesce(pg_has_role(usesysid, to_regrole({}), 'MEMBER'), false))"
).format(sql.Literal(OWNER))
HAS_STEP_LOCK = sql.SQL("""pid in (
    select pid from pg_locks
    where
        locktype = 'advisory' and classid = 0 and objid = {} and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())
)""").format(sql.Literal(_STEP_LOCK))

log = logging.getLogger(__name__)


class RunningError(Exception):
    """Another run is active; the message says in which step of which business date."""


def connect(
    dsn: str, *, autocommit: bool = False, name: str | None = None, step: str | None = None
) -> psycopg.Connection:
    """Open a connection whose session speaks UTF-8 and Shanghai time; the caller closes it (`with`).

    It works as the role of `step` if one is named and the warehouse has roles.
    """
    conn = psycopg.connect(
        dsn,
        autocommit=autocommit,
        client_encoding="utf8",
        options=with_options(dsn, SESSION),
        application_name=name,
    )
    if step is not None:
        work_as(conn, step)
    return conn


def lock_warehouse(conn: psycopg.Connection, step: str, business_date: date, *, wait_seconds: float = 10) -> None:
    """Give this step the warehouse to itself until `conn` closes: steps of two runs never interleave.

    The session's name in `pg_stat_activity` shows the others who holds it. Waits some seconds, since the server may
    take a moment to notice that a killed run is gone; then raises RunningError. dbt has sessions of its own, which may
    outlive the lock when the server was restarted under them: this waits for them as well. Somebody else's session that
    has taken the lock is ended. Ends the transaction. From then on the session works as the step's role.
    """
    deadline = time.monotonic() + wait_seconds
    told: set[int] = set()
    conn.execute("select set_config('application_name', %s, false)", (f"{step} {business_date}",))
    is_locked = False
    while not is_locked or _dbt_works(conn):
        is_locked = is_locked or _try(conn)
        if not is_locked:
            _end_strangers(conn, told)
        conn.commit()  # the lock is the session's; no snapshot is kept while waiting
        if time.monotonic() > deadline:
            raise RunningError(
                f"{step} {business_date}: {_who(conn)} is running in this warehouse: wait until it ends, then run again"
            )
        if not is_locked:
            time.sleep(_LOOK_SECONDS)
    if not conn.read_only and is_of_another_release(conn):
        create_schema(conn)
    work_as(conn, step)


def _try(conn: psycopg.Connection) -> bool:
    row = conn.execute("select pg_try_advisory_lock(%s)", (_STEP_LOCK,)).fetchone()
    return row is not None and bool(row[0])


def _end_strangers(conn: psycopg.Connection, told: set[int]) -> None:
    """End sessions that hold the lock of the steps and are not ours; log each once."""
    strangers = conn.execute(
        sql.SQL(
            "select pid, usename from pg_stat_activity where datname = current_database() and {} and not {}"
        ).format(HAS_STEP_LOCK, IS_OURS)
    ).fetchall()
    for pid, role in strangers:
        if pid in told:
            continue
        told.add(pid)
        try:
            with conn.transaction():
                conn.execute("select pg_terminate_backend(%s)", (pid,))
        except psycopg.errors.InsufficientPrivilege:
            log.warning(
                "role %s (process %s) holds the lock of the pipeline's steps, and the pipeline may not end it: end it, "
                "or grant pg_signal_backend to the pipeline's user",
                role,
                pid,
            )
        else:
            log.warning("role %s (process %s) held the lock of the pipeline's steps: it was ended", role, pid)


def _dbt_works(conn: psycopg.Connection) -> bool:
    return (
        conn.execute(
            sql.SQL(
                "select from pg_stat_activity where datname = current_database() and application_name = {} and {}"
            ).format(sql.Literal(DBT), IS_OURS)
        ).fetchone()
        is not None
    )


def _who(conn: psycopg.Connection) -> str:
    holder = conn.execute(
        sql.SQL(
            "select case when {ours} then application_name else 'a session of the role ' || usename end "
            "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and ((application_name = {dbt} and {ours}) or {holds})"
        ).format(ours=IS_OURS, dbt=sql.Literal(DBT), holds=HAS_STEP_LOCK)
    ).fetchone()
    return repr(holder[0]) if holder else "another run"
