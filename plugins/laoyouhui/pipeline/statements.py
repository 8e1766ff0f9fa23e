"""What dbt runs each day, kept as SQL, and run again without dbt (docs/adr/0012).

The text of a model and of a test is the same every day: which day it is stands in `raw.current_run`. So dbt builds a
warehouse once for each state of the project, and the statements that it ran are kept beside it, in
`raw.dbt_project`. An ordinary day runs them again in dbt's own order, in a fifth of the time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from laoyouhui.warehouse.connection import DBT, connect

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_SESSIONS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statement:
    """One model or test: `sql` as dbt ran it, `after` the names of those whose rows it reads.

    `relation` is the table that it fills (`"ledger"."messages"`); a test has none, and gives one row whose first
    column counts what breaks it.
    """

    name: str
    path: str
    sql: str
    after: tuple[str, ...]
    relation: str | None = None


class StatementError(Exception):
    """Statements that failed; the message has a line for each, with the path of its model or test."""


def known_statements(conn: psycopg.Connection, project: Path) -> list[Statement] | None:
    """The statements of the dbt project as it is now; None where it is new to this warehouse, or has changed."""
    row = conn.execute(
        "select statements from raw.dbt_project where fingerprint = %s", [_fingerprint(project)]
    ).fetchone()
    return None if row is None else [Statement(**{**each, "after": tuple(each["after"])}) for each in row[0]]


def keep_statements(conn: psycopg.Connection, project: Path, statements: Sequence[Statement]) -> None:
    """Keep what a build of the whole project has run: every model of it stands in the warehouse now."""
    conn.execute(
        "insert into raw.dbt_project (fingerprint, statements) values (%s, %s) on conflict do nothing",
        [_fingerprint(project), json.dumps([asdict(each) for each in statements])],
    )


def statements_of(manifest: Manifest, results: Iterable[Any], project: Path) -> list[Statement]:
    """Out of a build's results, in the order in which it ended them, those that an ordinary day runs again.

    Views stand, and parts of a relation are written into it: neither runs.
    """
    ran = {
        each.node.unique_id: each.node
        for each in results
        if each.node.resource_type == "test" or each.node.config.materialized in ("incremental", "table")
    }

    def sources(unique_id: str) -> Iterator[str]:
        for parent in manifest.nodes[unique_id].depends_on.nodes:
            if parent in ran:
                yield parent
            elif parent in manifest.nodes:
                yield from sources(parent)

    return [
        Statement(
            name=unique_id,
            path=node.original_file_path,
            # dbt names the database as well, "warehouse"."ledger"."messages": a copy may bear another name
            sql=re.sub(
                rf'"{re.escape(node.database)}"\.(?="[^"]+"\.")', "", (project / node.build_path).read_text("utf-8")
            ),
            after=tuple(sorted(set(sources(unique_id)))),
            relation=None if node.resource_type == "test" else f'"{node.schema}"."{node.name}"',
        )
        for unique_id, node in ran.items()
    ]


def run_statements(dsn: str, statements: Sequence[Statement]) -> None:
    """Run each after those that it reads, two at a time, each model in a transaction of its own.

    A test that fails stops nothing else, so that all are named; a model that fails lets nothing more begin.

    Raises:
        StatementError: what failed.
    """
    order = TopologicalSorter({each.name: each.after for each in statements})
    order.prepare()
    named = {each.name: each for each in statements}
    ready: list[str] = []
    running: dict[Future[str | None], tuple[str, psycopg.Connection]] = {}
    failures: list[str] = []
    is_broken = False
    with ExitStack() as stack:
        free = [stack.enter_context(connect(dsn, autocommit=True, name=DBT)) for _ in range(_SESSIONS)]
        for schema in sorted({each.relation.partition(".")[0] for each in statements if each.relation}):
            free[0].execute(f"create schema if not exists {schema}".encode())
        pool = stack.enter_context(ThreadPoolExecutor(_SESSIONS))
        while order.is_active():
            ready += order.get_ready()
            while ready and free and not is_broken:
                name, session = ready.pop(0), free.pop()
                running[pool.submit(_run, session, named[name])] = name, session
            if not running:
                break
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                name, session = running.pop(done)
                free.append(session)
                failure = done.result()
                if failure is not None:
                    failures.append(f"{named[name].path}: {failure}")
                    is_broken = is_broken or named[name].relation is not None
                order.done(name)
    if failures:
        raise StatementError("\n".join(failures))


def _run(session: psycopg.Connection, statement: Statement) -> str | None:
    """Run one; why it failed, or None."""
    text = f"/* {statement.path} */ {statement.sql}".encode()
    try:
        with session.transaction():
            cursor = session.execute(text)
            if statement.relation is None:
                broken, *_ = cursor.fetchone() or (0,)
                return f"fail: {broken} row(s) where none may be" if broken else None
            while cursor.nextset():
                pass
            if cursor.rowcount:
                # the planner of the next one has to know what a table holds; autovacuum comes too late
                session.execute(f"analyze {statement.relation}".encode())
    except psycopg.Error as error:
        return f"error: {error}".strip()
    return None


def _fingerprint(project: Path) -> str:
    """Sha256 over the names and contents of all that dbt reads of the project."""
    digest = hashlib.sha256()
    folders = (project / name for name in ("models", "macros", "tests"))
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(project).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update((project / "dbt_project.yml").read_bytes())
    return digest.hexdigest()
