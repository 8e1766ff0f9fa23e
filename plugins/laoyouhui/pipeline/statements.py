"""What dbt runs each day, kept as SQL, and run again without dbt (docs/adr/0012).

The text of a model and of a test is the same every day: `raw.current_run` has the date. So dbt builds a warehouse once
for each state of the project, and the statements that it ran are kept beside it, in `raw.dbt_project`. An ordinary day
runs them again in dbt's own order, in a fifth of the time.

What runs again is what the project's files compile to: a digest of it, of the views that it reads and of the functions
that it calls, is kept outside the database (`compiled_folder`), and checked each day. If it is missing or differs, dbt
builds again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from threading import current_thread
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from laoyouhui.warehouse.connection import DBT, connect
from laoyouhui.warehouse.prepare import schema_digest

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_SESSIONS = 2
_RUN_AGAIN = {"append_only", "refilled"}  # fill a table, by one text that is the same every day
_STAND = {"stable_view", "view", "ephemeral", "function"}  # have nothing to run on an ordinary day
_VIEWS_IN = ["staging", "intermediate", "ledger", "exports", "watch"]
_FUNCTIONS = """
    select
        function.oid::regprocedure::text,
        case
            when prokind = 'a' then (
                select (aggtransfn, aggfinalfn, aggtranstype::regtype, agginitval)::text
                from pg_aggregate where aggfnoid = function.oid
            )
            else pg_get_functiondef(function.oid)
        end
    from pg_proc as function
    where pronamespace::regnamespace::text = any(%s)
    order by 1
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statement:
    """One model or test: `sql` as dbt ran it, `after` the names of those whose rows it reads.

    `relation` is the table that it fills (`"ledger"."messages"`); a test has none, and gives one row: how many rows
    fail it, and whether that is a warning, and an error (its `warn_if` and `error_if`); `severity` is a test's.
    """

    name: str
    path: str
    sql: str
    after: tuple[str, ...]
    relation: str | None = None
    severity: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What one statement did, in dbt's words.

    A model's `status` is success, error or skipped, a test's pass, warn, fail, error or skipped. `rows` is how many a
    model added, `failures` how many rows fail a test. Skipped ones have no times.
    """

    name: str
    path: str
    status: Literal["success", "pass", "warn", "fail", "error", "skipped"]
    message: str | None = None
    rows: int | None = None
    failures: int | None = None
    session: str = "main"
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the date cannot be closed because of it."""
        return self.status in ("fail", "error")


def compiled_folder(home: Path) -> Path:
    """Where the digests of what was compiled are kept: `LAOYOUHUI_COMPILED`, else `var/compiled` of the project."""
    return Path(os.environ.get("LAOYOUHUI_COMPILED") or home / "var" / "compiled")


def known_statements(conn: psycopg.Connection, home: Path) -> list[Statement] | None:
    """The statements of the current dbt project; None if dbt has to build.

    It has to if the project is new to this warehouse or was not the last one built in it, or if statements, views or
    functions are not what its files compile to.
    """
    fingerprint = fingerprint_of(home)
    row = conn.execute("select statements from raw.dbt_project where fingerprint = %s", [fingerprint]).fetchone()
    if row is None:
        return None
    try:
        statements = [Statement(**{**each, "after": tuple(each["after"])}) for each in row[0]]
    except TypeError:  # of an older form
        return None
    place = _digests(home, fingerprint)
    known = place.read_text("ascii").split() if place.is_file() else []
    if _digest(conn, statements) in known:
        return statements
    log.error(
        "raw.dbt_project: the statements kept, or the views and functions that they use, are %s: dbt builds again from "
        "the project's files. Unless somebody built or moved this warehouse, find out who changed it",
        "not those that the project compiles to" if known else f"known to no digest in {place}",
    )
    return None


def forget_statements(conn: psycopg.Connection) -> None:
    """Note that a build begins: until it has succeeded, no kept statements fit the current views."""
    conn.execute("delete from raw.dbt_project")


def keep_statements(conn: psycopg.Connection, home: Path, statements: Sequence[Statement]) -> None:
    """Keep what a build of the whole project has run, and nothing else: all its models now exist in the warehouse."""
    fingerprint = fingerprint_of(home)
    forget_statements(conn)
    conn.execute(
        "insert into raw.dbt_project (fingerprint, statements) values (%s, %s)",
        [fingerprint, json.dumps([asdict(each) for each in statements])],
    )
    digest, place = _digest(conn, statements), _digests(home, fingerprint)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = place.read_text("ascii").split() if place.is_file() else []
        if digest not in known:
            beside = place.with_suffix(f".{os.getpid()}.part")
            beside.write_text("".join(f"{each}\n" for each in [*known, digest]), "ascii")
            beside.replace(place)
    except OSError as error:
        log.warning(
            "%s cannot be written (%s): dbt builds again each day; set LAOYOUHUI_COMPILED to a folder that can be",
            place,
            error,
        )


def _digests(home: Path, fingerprint: str) -> Path:
    return compiled_folder(home) / f"{fingerprint}.sha256"


def _digest(conn: psycopg.Connection, statements: Sequence[Statement]) -> str:
    """Sha256 of statements, in the order of their names, and of the current views and functions."""
    digest = hashlib.sha256()
    for each in sorted(statements, key=lambda each: each.name):
        digest.update(json.dumps(asdict(each), sort_keys=True).encode())
    views = conn.execute(
        "select schemaname, viewname, definition from pg_views where schemaname = any(%s) order by 1, 2", (_VIEWS_IN,)
    )
    for view in views:
        digest.update(json.dumps(view).encode())
    for function in conn.execute(_FUNCTIONS, (["raw", *_VIEWS_IN],)):
        digest.update(json.dumps(function).encode())
    return digest.hexdigest()


def statements_of(manifest: Manifest, results: Iterable[Any], project: Path) -> list[Statement] | None:
    """From a build's results, in the order in which they ended, those that an ordinary day runs again.

    Views and functions stand, and what unites others is written with their text: none of them runs. None where the
    project has a model of another materialization, such as dbt's own `incremental`: what it does each day only dbt
    knows, so that dbt builds every day.
    """
    ran = {}
    for node in (each.node for each in results):
        materialized = node.config.materialized
        if node.resource_type == "test" or materialized in _RUN_AGAIN:
            ran[node.unique_id] = node
        elif materialized not in _STAND:
            log.warning("%s is materialized as %s: dbt builds every day", node.original_file_path, materialized)
            return None

    known = {**manifest.nodes, **manifest.functions}

    def sources(unique_id: str) -> Iterator[str]:
        for parent in known[unique_id].depends_on.nodes:
            if parent in ran:
                yield parent
            elif parent in known:
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
            severity=node.config.severity.upper() if node.resource_type == "test" else None,
        )
        for unique_id, node in ran.items()
    ]


def run_statements(dsn: str, statements: Sequence[Statement], *, step: str | None = None) -> list[Outcome]:
    """Run each after those that it reads, two at a time, each model in a transaction of its own; give what each did.

    The sessions work as the role of `step`. A test that fails stops nothing else, so that all are named; a model that
    fails lets nothing more begin, and the others are skipped.
    """
    order = TopologicalSorter({each.name: each.after for each in statements})
    order.prepare()
    named = {each.name: each for each in statements}
    ready: list[str] = []
    running: dict[Future[Outcome], psycopg.Connection] = {}
    outcomes: dict[str, Outcome] = {}
    is_broken = False
    with ExitStack() as stack:
        free = [stack.enter_context(connect(dsn, autocommit=True, name=DBT, step=step)) for _ in range(_SESSIONS)]
        pool = stack.enter_context(ThreadPoolExecutor(_SESSIONS, thread_name_prefix="Thread"))
        while order.is_active():
            ready += order.get_ready()
            while ready and free and not is_broken:
                session = free.pop()
                running[pool.submit(_run, session, named[ready.pop(0)])] = session
            if not running:
                break
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                free.append(running.pop(done))
                outcome = done.result()
                outcomes[outcome.name] = outcome
                is_broken = is_broken or (outcome.is_failure and named[outcome.name].relation is not None)
                order.done(outcome.name)
    skipped = [Outcome(each.name, each.path, "skipped") for each in statements if each.name not in outcomes]
    return [*outcomes.values(), *skipped]


def _run(session: psycopg.Connection, statement: Statement) -> Outcome:
    text = f"/* {statement.path} */ {statement.sql}".encode()
    began_at = datetime.now(UTC)
    try:
        with session.transaction():
            cursor = session.execute(text)
            if statement.relation is None:
                said = _judged(statement, cursor.fetchone())
            else:
                while cursor.nextset():
                    pass
                if cursor.rowcount:
                    # the next one's planner needs the table's statistics; autovacuum comes too late
                    session.execute(f"analyze {statement.relation}".encode())
                said = {"status": "success", "message": cursor.statusmessage, "rows": cursor.rowcount}
    except psycopg.Error as error:
        said = {"status": "error", "message": str(error).strip()}
    return Outcome(
        statement.name,
        statement.path,
        **said,
        session=current_thread().name,
        began_at=began_at,
        ended_at=datetime.now(UTC),
    )


def _judged(statement: Statement, row: tuple[Any, ...] | None) -> dict[str, Any]:
    """The outcome of a test, as dbt judges it: a warning is logged, and stops nothing."""
    broken, should_warn, should_error = row or (0, False, False)
    if should_error and statement.severity == "ERROR":
        return {"status": "fail", "failures": broken, "message": f"{broken} row(s) where none may be"}
    if should_warn:
        log.warning("%s: warn: %s row(s) where none should be", statement.path, broken)
        return {"status": "warn", "failures": broken, "message": f"{broken} row(s) where none should be"}
    return {"status": "pass", "failures": broken}


def fingerprint_of(home: Path) -> str:
    """Sha256 over the names and contents of all that dbt reads of the project, and dbt's own version."""
    project = home / "dbt_project"
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-postgres')} {schema_digest()}".encode())
    folders = (project / name for name in ("models", "functions", "macros", "tests"))
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(project).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update((project / "dbt_project.yml").read_bytes())
    return digest.hexdigest()
