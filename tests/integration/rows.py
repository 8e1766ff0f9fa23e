"""Rows for the tables of a warehouse, written as a person reads them."""

from __future__ import annotations

import psycopg


def insert(conn: psycopg.Connection, table: str, rows: str, **same: object) -> None:
    """Rows as a table of text: names of columns, then values, `-` for null; `same` holds for each."""
    names, *lines = [line.split() for line in rows.strip().splitlines()]
    for line in lines:
        row = same | {name: None if value == "-" else value for name, value in zip(names, line, strict=True)}
        columns, values = ", ".join(row), ", ".join(["%s"] * len(row))
        conn.execute(f"insert into {table} ({columns}) values ({values})".encode(), list(row.values()))
