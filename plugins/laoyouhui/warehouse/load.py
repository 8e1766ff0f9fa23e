"""Lines of a feed into the warehouse, as they come off the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import psycopg
from psycopg import sql

from laoyouhui.config.carrier import Feed


def copy_lines(
    conn: psycopg.Connection,
    name: str,
    feed: Feed,
    delimiter: str,
    delivery_no: int,
    blocks: Iterable[tuple[Sequence[int], list[str]]],
) -> int:
    """COPY blocks of (line numbers, lines) into `raw.<feed>` without taking a line apart; give the number of rows.

    A line is spelled as COPY's text format reads it but for the backslash: no field holds the delimiter, CR, LF or NUL.
    """
    columns = [sql.Identifier(column.name) for column in feed.columns]
    copy_into = sql.SQL("copy {} (delivery_no, line_no, {}) from stdin (format text, delimiter {}, null '')").format(
        sql.Identifier("raw", name), sql.SQL(", ").join(columns), sql.Literal(delimiter)
    )
    rows = 0
    with conn.cursor().copy(copy_into) as copy:
        for numbers, lines in blocks:
            prefix = f"{delivery_no}{delimiter}"
            text = "".join(
                [f"{prefix}{number}{delimiter}{line}\n" for number, line in zip(numbers, lines, strict=True)]
            )
            copy.write(text.replace("\\", "\\\\"))
            rows += len(lines)
    return rows


def forget_older_snapshot(conn: psycopg.Connection, name: str, business_date: date) -> None:
    """Empty a snapshot feed's table of what an earlier run took in: dbt keeps the history.

    Called before each load, so the table never holds rows of two runs, and any row of it tells whose they are. In the
    transaction that then loads, the rows need no write-ahead log where the server's `wal_level` is minimal.
    """
    table = sql.Identifier("raw", name)
    older = conn.execute(
        sql.SQL(
            "select true from raw.delivery "
            "where received_on < %s and delivery_no = (select delivery_no from {} limit 1)"
        ).format(table),
        (business_date,),
    ).fetchone()
    if older:
        conn.execute(sql.SQL("truncate {}").format(table))


def analyze(conn: psycopg.Connection, feeds: Iterable[str]) -> None:
    """Tell PostgreSQL's planner what the small tables and these feeds' hold now: autovacuum comes too late for it."""
    tables = [
        sql.Identifier(schema, table)
        for schema, table in conn.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('raw', 'outbox') "
            "and (tablename = any(%s) or not exists (select from raw.feed_column where feed = tablename))",
            (list(feeds),),
        )
    ]
    conn.execute(sql.SQL("analyze {}").format(sql.SQL(", ").join(tables)))
