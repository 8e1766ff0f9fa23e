"""Decide what each subscriber is owed: the models of dbt over the warehouse, layer by layer."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.artifacts import (
    artifacts_folder,
    forget_artifacts,
    has_build,
    keep_build,
    leave_artifacts,
    write_results,
)
from laoyouhui.pipeline.statements import (
    Statement,
    forget_statements,
    keep_statements,
    known_statements,
    run_statements,
    statements_of,
)
from laoyouhui.warehouse.attempts import NotBegunError, begin_deciding, end_deciding, open_attempt
from laoyouhui.warehouse.connection import SESSION, connect, lock_warehouse
from laoyouhui.warehouse.dsn import libpq_environment, with_options
from laoyouhui.warehouse.marts import drop_candidates_but
from laoyouhui.warehouse.prepare import drop_functions_gone, recreate_functions
from laoyouhui.warehouse.readers import readers_give_way
from laoyouhui.warehouse.roles import OWNER, grant_rights, has_roles, work_as

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from psycopg import Connection

log = logging.getLogger(__name__)


class DecideError(Exception):
    """dbt could not build a model, or a test failed; the message names each."""


@private
def decide(settings: Settings, business_date: date) -> None:
    """Decide the attempt that `ingest` has begun; do nothing if it is released, or nothing new has come since.

    If the project is new to this warehouse or has changed, dbt builds all of it. On other days the statements that it
    ran then run again, unless the settings ask for dbt. Either way the day's dbt artifacts are left in the work folder
    (`pipeline/artifacts.py`).

    Raises:
        DecideError: the date was not ingested, a model failed or a test found rows: each with its path and reason.
        RunningError: another run is at work.
    """
    with readers_give_way(settings.warehouse_dsn), connect(settings.warehouse_dsn, autocommit=True) as conn:
        lock_warehouse(conn, "decide", business_date)
        try:
            begun = open_attempt(conn, business_date)
        except NotBegunError as error:
            raise DecideError(str(error)) from error
        if begun is None:
            log.info("%s: all that was ingested is released: nothing is decided again", business_date)
            return
        statements = known_statements(conn, settings.home)
        if begun.state == "EMPTY" and statements is not None:
            log.info("%s: nothing new has come since it was released: nothing is decided again", business_date)
            return
        begin_deciding(conn)
        folder = artifacts_folder(settings.work, business_date, begun.attempt_no)
        if statements is None or settings.decides_with == "dbt" or not has_build(settings.home):
            try:
                build(settings, conn)
            finally:
                leave_artifacts(_target(settings), folder)
        else:
            _run_again(settings, statements, folder, database=conn.info.dbname)
        end_deciding(conn)


def _run_again(settings: Settings, statements: Sequence[Statement], folder: Path, *, database: str) -> None:
    """Run the build's statements without dbt, and leave dbt's artifacts. Raises DecideError."""
    began_at = datetime.now(UTC)
    outcomes = run_statements(settings.warehouse_dsn, statements, step="decide")
    write_results(settings.home, folder, outcomes, began_at, database=database)
    failures = [f"{each.path}: {each.status}: {each.message}" for each in outcomes if each.is_failure]
    if failures:
        raise DecideError("\n".join(failures))


def build(settings: Settings, conn: Connection) -> None:
    """Make and test every model of the project, and keep the statements for other days. Raises DecideError."""
    project = settings.home / "dbt_project"
    work_as(conn, "owner")
    forget_artifacts(_target(settings))
    (manifest,) = run_dbt(settings, ["parse"])
    forget_statements(conn)
    recreate_functions(conn)
    _drop_strange_relations(conn, manifest)
    kinds = [word for kind in ("model", "function", "test") for word in ("--resource-type", kind)]
    results = run_dbt(settings, ["build", *kinds], manifest)
    _drop_strange_functions(conn, manifest)
    drop_functions_gone(conn)
    conn.execute("create schema if not exists marts")
    drop_candidates_but(conn, {node.name for node in manifest.nodes.values() if node.schema == "marts_candidate"})
    for result in results:
        if str(result.status) == "warn":
            log.warning("%s: warn: %s", result.node.original_file_path, (result.message or "").strip())
    statements = statements_of(manifest, results, project)
    if statements is not None:
        keep_statements(conn, settings.home, statements)
        keep_build(settings.home, _target(settings))
    if has_roles(conn):
        grant_rights(conn)
    work_as(conn, "decide")


def _drop_strange_functions(conn: Connection, manifest: Manifest) -> None:
    """Drop functions that the project does not define: an overload could be called in place of ours."""
    known = [
        f"{each.schema}.{each.name}({', '.join(argument.data_type for argument in each.arguments)})"
        for each in manifest.functions.values()
    ]
    strange = conn.execute(
        "select oid::regprocedure::text from pg_proc as function where pronamespace::regnamespace::text = any(%s) "
        "and not exists (select from unnest(%s::text[]) as known (name) where to_regprocedure(name) = function.oid)",
        (sorted({each.schema for each in manifest.functions.values()}), known),
    ).fetchall()
    for (name,) in strange:
        conn.execute(f"drop routine {name}".encode())


def _target(settings: Settings) -> Path:
    return settings.work / "dbt" / "target"


def _drop_strange_relations(conn: Connection, manifest: Manifest) -> None:
    """Drop exports that another state of the project left: the gate would miss a suite for each."""
    known = {(node.schema, node.name) for node in manifest.nodes.values() if str(node.resource_type) == "model"}
    left = conn.execute(
        "select relnamespace::regnamespace::text, relname, relkind = 'v' from pg_class where relkind in ('r', 'v') "
        "and relnamespace::regnamespace::text = 'exports'"
    ).fetchall()
    for schema, name, is_view in left:
        if (schema, name) not in known:
            kind = sql.SQL("view" if is_view else "table")
            conn.execute(sql.SQL("drop {} {} cascade").format(kind, sql.Identifier(schema, name)))


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables that the dbt project and libpq read: the warehouse by its DSN."""
    with connect(settings.warehouse_dsn) as conn:  # of several hosts, the one that responds
        return {
            "LAOYOUHUI_PGHOST": conn.info.host,
            "LAOYOUHUI_PGPORT": str(conn.info.port),
            "LAOYOUHUI_PGUSER": conn.info.user,
            "DBT_ENV_SECRET_LAOYOUHUI_PGPASSWORD": conn.info.password,
            "LAOYOUHUI_PGDATABASE": conn.info.dbname,
            "LAOYOUHUI_PGROLE": OWNER if has_roles(conn) else "",
            "PGOPTIONS": with_options(settings.warehouse_dsn, SESSION),
        } | libpq_environment(settings.warehouse_dsn)


def run_dbt(settings: Settings, arguments: list[str], manifest: Manifest | None = None) -> list[Any]:
    """Run one command of dbt over the warehouse, in this process; give its results.

    `manifest`: the project as parsed before; the one result of `parse`. Raises DecideError with dbt's messages.
    """
    from dbt.cli.main import dbtRunner

    project = settings.home / "dbt_project"
    os.environ.update(dbt_environment(settings))
    result = dbtRunner(manifest=manifest).invoke(
        [
            *arguments,
            "--project-dir", str(project),
            "--profiles-dir", str(project),
            "--target-path", str(_target(settings)),
            "--log-path", str(settings.work / "dbt" / "logs"),
            "--no-use-colors",
            "--quiet",
            "--no-version-check",
            "--no-partial-parse",  # it keeps columns of a newer project where an older one is put back
            "--log-level-file", "warn",
        ]
    )  # fmt: skip
    results = list(getattr(result.result, "results", [result.result]))
    if result.success:
        return results
    if result.exception is not None:
        raise DecideError(f"dbt {arguments[0]}: {result.exception}") from result.exception
    failures = [
        f"{run.node.original_file_path}: {run.status}: {(run.message or '').strip()}"
        for run in results
        if str(run.status) in ("error", "fail")
    ]
    raise DecideError("dbt: " + "\n".join(failures or ["failed without a message; see " + str(settings.work / "dbt")]))
