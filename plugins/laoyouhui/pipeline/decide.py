"""Decide what each subscriber is owed: dbt over the warehouse, layer by layer, in this process."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import SESSION, connect, hold_warehouse
from laoyouhui.warehouse.passes import NotBegunError, begin_deciding, end_deciding, open_pass

if TYPE_CHECKING:
    from psycopg import Connection

# What stands from one day to the next: views, and the tests of those whose key is that of their table or its grouping.
# `empty`: leaving the views out is not to leave out the tests that read them
_STANDING = [
    "--exclude",
    "config.materialized:view",
    *(f"path:models/staging/{folder},resource_type:test" for folder in ("outbox", "people", "run")),
    "--indirect-selection",
    "empty",
]

log = logging.getLogger(__name__)


class DecideError(Exception):
    """dbt could not build a model, or a truth that must hold does not; the message names each."""


def decide(settings: Settings, business_date: date) -> None:
    """Run dbt for the pass that `take_in` has begun; does nothing where it is released, or nothing new has come since.

    Where the project is new to this warehouse or has changed, everything is made and tested. On other days views stay,
    and those tests are left out that say no more than the server itself holds: a view keeps the key of its table.

    Raises:
        DecideError: the date was not taken in, a model failed or a test found rows, with dbt's message and the compiled
            file's path.
        RunningError: another run is at work.
    """
    with connect(settings.warehouse_dsn, autocommit=True) as conn:
        hold_warehouse(conn, "decide", business_date)
        try:
            begun = open_pass(conn, business_date)
        except NotBegunError as error:
            raise DecideError(str(error)) from error
        if begun is None:
            log.info("%s: all that was taken in is released: nothing is decided again", business_date)
            return
        built = is_built(conn, settings.home / "dbt_project")
        if begun.state == "EMPTY" and built:
            log.info("%s: nothing new has come since it was released: nothing is decided again", business_date)
            return
        begin_deciding(conn)
        run_dbt(
            settings, ["build", "--resource-type", "model", "--resource-type", "test", *(_STANDING if built else [])]
        )
        with conn.transaction():
            note_built(conn, settings.home / "dbt_project")
            end_deciding(conn)


def is_built(conn: Connection, project: Path) -> bool:
    """Whether every model of the dbt project stands in the warehouse as the project says it now."""
    known = conn.execute("select 1 from raw.dbt_project where fingerprint = %s", (_fingerprint(project),)).fetchone()
    return known is not None


def note_built(conn: Connection, project: Path) -> None:
    """Note that every model of the dbt project stands in the warehouse."""
    conn.execute("insert into raw.dbt_project values (%s) on conflict do nothing", (_fingerprint(project),))


def _fingerprint(project: Path) -> str:
    """Sha256 over the names and contents of the dbt project's models and macros."""
    digest = hashlib.sha256()
    for path in sorted(p for folder in ("models", "macros") for p in (project / folder).rglob("*") if p.is_file()):
        digest.update(path.relative_to(project).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update((project / "dbt_project.yml").read_bytes())
    return digest.hexdigest()


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables that the dbt project and libpq read: the warehouse by its DSN, and the project's `parts`."""
    dsn = urlsplit(settings.warehouse_dsn)
    return {
        "LAOYOUHUI_PGHOST": dsn.hostname or "127.0.0.1",
        "LAOYOUHUI_PGPORT": str(dsn.port or 5432),
        "LAOYOUHUI_PGUSER": unquote(dsn.username or ""),
        "DBT_ENV_SECRET_LAOYOUHUI_PGPASSWORD": unquote(dsn.password or ""),
        "LAOYOUHUI_PGDATABASE": dsn.path.lstrip("/"),
        "LAOYOUHUI_PARTS": parts(settings.home / "dbt_project"),
        "PGOPTIONS": SESSION,
    }


def parts(project: Path) -> str:
    """The models of each folder of a dbt project, as JSON for its macro `parts`: `{"ledger/entries": ["..."]}`."""
    models: dict[str, list[str]] = {}
    for path in sorted((project / "models").rglob("*.sql")):
        models.setdefault(path.parent.relative_to(project / "models").as_posix(), []).append(path.stem)
    return json.dumps(models)


def run_dbt(settings: Settings, arguments: list[str]) -> None:
    """Run one command of dbt over the warehouse, in this process. Raises DecideError with dbt's messages."""
    from dbt.cli.main import dbtRunner

    project = settings.home / "dbt_project"
    os.environ.update(dbt_environment(settings))
    result = dbtRunner().invoke(
        [
            *arguments,
            "--project-dir", str(project),
            "--profiles-dir", str(project),
            "--target-path", str(settings.work / "dbt" / "target"),
            "--log-path", str(settings.work / "dbt" / "logs"),
            "--no-use-colors",
            "--quiet",
            "--no-version-check",
            "--no-write-json",
            "--log-level-file", "warn",
        ]
    )  # fmt: skip
    if result.success:
        return
    if result.exception is not None:
        raise DecideError(f"dbt {arguments[0]}: {result.exception}") from result.exception
    failures = [
        f"{run.node.original_file_path}: {run.status}: {(run.message or '').strip()}"
        for run in getattr(result.result, "results", [])
        if str(run.status) in ("error", "fail")
    ]
    raise DecideError("dbt: " + "\n".join(failures or ["failed without a message; see " + str(settings.work / "dbt")]))
