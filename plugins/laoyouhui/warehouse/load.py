"""Lines of a feed into the warehouse, as they are read from the file."""

from __future__ import annotations

import hashlib
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
    *,
    sha256: str,
) -> int:
    """COPY blocks of (line numbers, lines) into `raw.<feed>` without splitting a line; give the number of rows.

    A line is valid in COPY's text format except for the backslash: no field holds the delimiter, CR, LF or NUL. Lines
    with secrets pass through a temporary table: the secrets go to `vault.secret`, their references to `raw.<feed>` (see
    `_lock_away`).
    """
    columns = [sql.Identifier(column.name) for column in feed.columns]
    table = sql.Identifier("raw", name)
    if feed.secrets:
        table = sql.Identifier("pg_temp", "arriving")
        text_columns = sql.SQL(", ").join(sql.SQL("{} text").format(column) for column in columns)
        conn.execute(
            sql.SQL("create temp table arriving (delivery_no int, line_no bigint, {}) on commit drop").format(
                text_columns
            )
        )
    copy_into = sql.SQL("copy {} (delivery_no, line_no, {}) from stdin (format text, delimiter {}, null '')").format(
        table, sql.SQL(", ").join(columns), sql.Literal(delimiter)
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
    if feed.secrets:
        _lock_away(conn, name, feed, sha256)
    return rows


def _lock_away(conn: psycopg.Connection, name: str, feed: Feed, sha256: str) -> None:
    """Move what has arrived: secrets into the vault, each once, everything else with their references into
    `raw.<feed>`.

    A secret that came before keeps its first reference. A reference is the line's number under a key derived from all
    secrets of the file: without them nobody can compute it, and a rebuild finds the same. The key is slow to compute,
    so that the only code of a short file cannot be guessed from it.
    """
    for secret in feed.secrets:
        column = sql.Identifier(secret)
        row = conn.execute(
            sql.SQL(
                "select sha256(convert_to(string_agg({secret}, E'\\n' order by line_no), 'UTF8')) from pg_temp.arriving"
            ).format(secret=column)
        ).fetchone()
        if row is None or row[0] is None:
            continue
        key = hashlib.scrypt(bytes(row[0]), salt=f"{name}|{secret}|{sha256}".encode(), n=1 << 14, r=8, p=1, dklen=32)
        conn.execute(
            sql.SQL(
                "insert into vault.secret (reference, feed, column_name, secret) select distinct on ({secret}) "
                "left(encode(sha256(%(key)s || sha256(%(key)s || int8send(line_no))), 'hex'), 32), "
                "{feed}, {column}, {secret} from pg_temp.arriving order by {secret}, line_no "
                "on conflict (feed, column_name, secret) do nothing"
            ).format(secret=column, feed=sql.Literal(name), column=sql.Literal(secret)),
            {"key": key},
        )
    names = [column.name for column in feed.columns]
    kept: list[sql.Composable] = [
        sql.SQL("{}.reference").format(sql.Identifier(f"vault_{column}"))
        if column in feed.secrets
        else sql.SQL("arriving.{}").format(sql.Identifier(column))
        for column in names
    ]
    kept += [sql.SQL("char_length(arriving.{})").format(sql.Identifier(secret)) for secret in feed.secrets]
    names += [f"{secret}_length" for secret in feed.secrets]
    joins = [
        sql.SQL(
            "join vault.secret as {vault} on {vault}.feed = {feed} and {vault}.column_name = {column} "
            "and {vault}.secret = arriving.{secret}"
        ).format(
            vault=sql.Identifier(f"vault_{secret}"),
            feed=sql.Literal(name),
            column=sql.Literal(secret),
            secret=sql.Identifier(secret),
        )
        for secret in feed.secrets
    ]
    conn.execute(
        sql.SQL(
            "insert into {} (delivery_no, line_no, {}) select arriving.delivery_no, arriving.line_no, {} "
            "from pg_temp.arriving as arriving {} order by arriving.line_no"
        ).format(
            sql.Identifier("raw", name),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(kept),
            sql.SQL(" ").join(joins),
        )
    )


def forget_older_snapshot(conn: psycopg.Connection, name: str, business_date: date) -> None:
    """Empty a snapshot feed's table of what an earlier run ingested: dbt keeps the history.

    Called before each load, so the table never holds rows of two runs, and any of its rows shows which run. If the
    server's `wal_level` is minimal, rows loaded in the same transaction need no write-ahead log.
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
    """Update the planner's statistics of the small tables and of these feeds': autovacuum comes too late for that."""
    tables = [
        sql.Identifier(schema, table)
        for schema, table in conn.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('raw', 'outbox') "
            "and (tablename = any(%s) or not exists (select from raw.feed_column where feed = tablename))",
            (list(feeds),),
        )
    ]
    conn.execute(sql.SQL("analyze {}").format(sql.SQL(", ").join(tables)))
