"""What must be the same however often a run died: every row kept, every figure shown, every byte that left.

Left out are the clocks, what is about the last attempt only (`exports`, `raw.current_run`, `raw.release_check`), and
the watch, which keeps what happened when.
Beside the comparison stand the truths that hold by themselves: see `wrong`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from laoyouhui.warehouse.connection import connect

_SCHEMAS = ["raw", "staging", "intermediate", "ledger", "outbox", "marts"]
_NOT_COMPARED = {
    f"raw.{table}"
    for table in ("run", "current_run", "release_check", "dbt_project", "step", "alert", "watched", "arrival")
}
_VIEWS = ["ledger.ledger_entries"]
_EXAMPLES = 3


@dataclass(frozen=True)
class Truth:
    """Rows by table, and bytes by path under `out/`, `ack/` and `journal/`.

    `rebuilt` are the tables that dbt builds anew in each attempt: marts, and what is about the attempt alone.
    """

    rows: Mapping[str, Counter[str]]
    files: Mapping[str, bytes]
    rebuilt: frozenset[str]

    @classmethod
    def of(cls, dsn: str, exchange: Path, journal: Path) -> Truth:
        """Read it from a warehouse, an exchange and the journal."""
        with connect(dsn) as conn:
            rows = {table: _rows(conn, table) for table in _tables(conn)}
            kept = conn.execute(
                "select table_schema || '.' || table_name from information_schema.columns where column_name = "
                "'attempt_no'"
            )
            built = {table for table in rows if table.startswith(("staging.", "intermediate.", "marts."))}
            rebuilt = frozenset(built - {table for (table,) in kept})
        files = {
            path.relative_to(folder.parent).as_posix(): path.read_bytes()
            for folder in (exchange / "out", exchange / "ack", journal)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        return cls(rows, files, rebuilt)

    def kept(self) -> Truth:
        """What is kept for good: all but what dbt builds anew in each attempt."""
        rows = {table: found for table, found in self.rows.items() if table not in self.rebuilt}
        return Truth(rows, self.files, frozenset())

    def after(self, later: Truth) -> Truth:
        """What this truth is where `later` is that of a further, undisturbed attempt: what is kept stays as it was."""
        return Truth({**self.rows, **{table: later.rows[table] for table in later.rebuilt}}, self.files, self.rebuilt)

    def differences(self, other: Truth) -> list[str]:
        """What `other` has otherwise, a line for each table or file, with a few rows."""
        found = []
        for table in sorted(self.rows.keys() | other.rows.keys()):
            mine, theirs = self.rows.get(table, Counter()), other.rows.get(table, Counter())
            for word, rows in (("missing", mine - theirs), ("too many", theirs - mine)):
                if rows:
                    found.append(f"{table}: {rows.total()} rows {word}, such as {sorted(rows)[:_EXAMPLES]}")
        found += [
            f"{path}: {_compared(self.files.get(path), other.files.get(path))}"
            for path in sorted(self.files.keys() | other.files.keys())
            if self.files.get(path) != other.files.get(path)
        ]
        return found


def wrong(dsn: str, exchange: Path, work: Path) -> Iterator[str]:
    """What is wrong after a date was closed, whatever it held: things left lying, files not recorded as delivered."""
    for path in sorted(exchange.rglob("*")):
        if path.name.startswith(".") and path.name != ".carrier":
            yield f"{path.relative_to(exchange)}: a temporary file stayed"
    for path in sorted((work / "spool").glob("*")):
        yield f"spool/{path.name}: a file stayed in the spool"
    with connect(dsn) as conn:
        for (stem,) in conn.execute("select file_stem from outbox.file where delivered_at is null"):
            yield f"{stem}: not recorded as delivered"
        for (day,) in conn.execute("select business_date from raw.run where delivered_at is null"):
            yield f"{day}: not recorded as delivered"
        for (name,) in conn.execute("select tablename from pg_tables where schemaname = 'marts_candidate'").fetchall():
            differ = conn.execute(
                sql.SQL("(table {0} except all table {1}) union all (table {1} except all table {0})").format(
                    sql.Identifier("marts", name), sql.Identifier("marts_candidate", name)
                )
            ).fetchall()
            if differ:
                yield f"marts.{name}: {len(differ)} rows are not as decided"
        for key, times in conn.execute(
            "select entry_key, count(*) from ledger.ledger_entries group by entry_key having count(*) > 1"
        ):
            yield f"ledger.ledger_entries: {key} stands {times} times"


def sessions(server_dsn: str, dsn: str) -> list[str]:
    """Sessions that are at work in a warehouse, as the server shows them."""
    with psycopg.connect(server_dsn) as conn:
        return [
            f"{name}: {state}: {query}"
            for name, state, query in conn.execute(
                "select application_name, state, left(query, 200) from pg_stat_activity "
                "where datname = %s and pid <> pg_backend_pid()",
                (dsn.rsplit("/", 1)[1],),
            )
        ]


def _tables(conn: psycopg.Connection) -> list[str]:
    found = conn.execute(
        "select schemaname || '.' || tablename from pg_tables where schemaname = any(%s) order by 1", (_SCHEMAS,)
    )
    return [table for (table,) in found if table not in _NOT_COMPARED] + _VIEWS


def _rows(conn: psycopg.Connection, table: str) -> Counter[str]:
    columns = [
        sql.Identifier(name)
        for (name,) in conn.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
            "and atttypid <> 'timestamptz'::regtype and attname <> 'mtime_ns' order by attnum",
            (table,),
        )
    ]
    query = sql.SQL("select row_to_json(r)::text from (select {} from {}) as r").format(
        sql.SQL(", ").join(columns), sql.Identifier(*table.split("."))
    )
    return Counter(row for (row,) in conn.execute(query))


def _compared(mine: bytes | None, theirs: bytes | None) -> str:
    if mine is None or theirs is None:
        return "missing" if theirs is None else "too many"
    return f"other content: {len(mine)} bytes expected, {len(theirs)} found"
