"""Connections to the campaign's warehouse, and the lock that keeps two runs apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg

_TAKE_IN = 7_041_001  # the advisory lock's number: the same in every process


class RunningError(Exception):
    """Another run is doing the same step; the message says for which business date."""


def connect(dsn: str, *, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection whose session speaks UTF-8 and Shanghai time; the caller closes it (`with`)."""
    return psycopg.connect(dsn, autocommit=autocommit, client_encoding="utf8", options="-c timezone=Asia/Shanghai")


@contextmanager
def take_in_lock(conn: psycopg.Connection, business_date: date, *, wait_seconds: int = 10) -> Iterator[None]:
    """Hold the lock of the step take_in, which the session's name in `pg_stat_activity` shows the others.

    `conn` is in autocommit. Waits some seconds, since the server may take a moment to notice that a killed run is gone;
    then raises RunningError.
    """
    conn.execute("select set_config('application_name', %s, false)", (f"take_in {business_date}",))
    try:
        conn.execute("select set_config('lock_timeout', %s, false)", (f"{wait_seconds}s",))
        conn.execute("select pg_advisory_lock(%s)", (_TAKE_IN,))
    except psycopg.errors.LockNotAvailable:
        holder = conn.execute(
            "select application_name from pg_stat_activity join pg_locks using (pid) "
            "where locktype = 'advisory' and objid = %s and granted "
            "and database = (select oid from pg_database where datname = current_database())",
            (_TAKE_IN,),
        ).fetchone()
        who = holder[0] if holder else "another run"
        raise RunningError(
            f"take_in {business_date}: {who!r} is running in this warehouse: wait until it ends, then run again"
        ) from None
    finally:
        conn.execute("set lock_timeout = 0")
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(%s)", (_TAKE_IN,))
