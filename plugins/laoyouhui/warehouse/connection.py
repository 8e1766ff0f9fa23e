"""Connections to the campaign's warehouse."""

from __future__ import annotations

import psycopg


def connect(dsn: str, *, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection whose session speaks UTF-8 and Shanghai time; the caller closes it (`with`)."""
    return psycopg.connect(dsn, autocommit=autocommit, client_encoding="utf8", options="-c timezone=Asia/Shanghai")
