"""What a report and an archive are made of: a snapshot of the warehouse as last released, and the rules' version."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import connect, lock_warehouse


class ReportError(Exception):
    """There is nothing to report, or an existing file must not be overwritten; the message says what to do."""


@dataclass(frozen=True)
class Snapshot:
    """The warehouse as it was released with `closed_to`; nothing changes in it while it is open."""

    conn: psycopg.Connection
    campaigns: tuple[Campaign, ...]
    closed_to: date

    def name(self, campaign: Campaign) -> str:
        """The name of the campaign's report and archive: `lyh2026_20260430`."""
        return f"{campaign.campaign_id}_{self.closed_to:%Y%m%d}"


@contextmanager
def snapshot(settings: Settings, step: str) -> Iterator[Snapshot]:
    """Hold the warehouse still for a step that reads it: a release refills every mart, a view sees an attempt at
    work.

    Raises ReportError where nothing is released, an attempt is open, or a campaign file is not the one that was run
    with; RunningError where a run is at work.
    """
    campaigns = load_campaigns(settings.campaign_files)
    with connect(settings.warehouse_dsn) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        lock_warehouse(conn, step, _closed_to(conn))
        closed_to = _closed_to(conn)  # a run may have ended while we waited for it
        for file, campaign in zip(settings.campaign_files, campaigns, strict=True):
            _same_as_run(conn, file, campaign)
        yield Snapshot(conn, campaigns, closed_to)


def _closed_to(conn: psycopg.Connection) -> date:
    known = conn.execute("select to_regclass('raw.run') is not null and to_regclass('marts.exceptions') is not null")
    if not (known.fetchone() or (False,))[0]:
        raise ReportError("nothing is released in this warehouse yet: close a date first (make run)")
    row = conn.execute("select max(business_date) from raw.run where attempts_released > 0").fetchone()
    still_open = conn.execute(
        "select business_date from raw.current_run join raw.run using (business_date) "
        "where state <> 'EMPTY' and attempt_no > attempts_released"
    ).fetchone()
    if still_open is not None:
        raise ReportError(f"the run of {still_open[0]} is begun and not released: run it to its end first")
    if row is None or row[0] is None:
        raise ReportError("nothing is released in this warehouse yet: close a date first (make run)")
    closed_to: date = row[0]
    return closed_to


def _same_as_run(conn: psycopg.Connection, file: Path, campaign: Campaign) -> None:
    row = conn.execute(
        "select file_sha256 from raw.campaign where campaign_id = %s", (campaign.campaign_id,)
    ).fetchone()
    if row is None:
        raise ReportError(f"{file}: campaign {campaign.campaign_id} was never run in this warehouse")
    if row[0] != campaign.sha256:
        raise ReportError(f"{file} has changed since the last run: put it back, or close a date with it first")


@dataclass(frozen=True)
class RulesVersion:
    """Which rules decided: the package's version, a hash of all that dbt runs, the commit where one is known."""

    package: str
    models_sha256: str
    git_commit: str | None

    def __str__(self) -> str:
        return f"{self.package}，dbt 模型 SHA-256 {self.models_sha256}"


def rules_version(home: Path) -> RulesVersion:
    """The version of the rules in `home`."""
    project = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    digest = hashlib.sha256()
    for folder in ("functions", "macros", "models"):
        for path in sorted((home / "dbt_project" / folder).rglob("*")):
            if path.suffix in {".sql", ".yml"}:
                content = path.read_bytes()
                digest.update(f"{path.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return RulesVersion(project["version"], digest.hexdigest(), _git_commit(home))


def _git_commit(home: Path) -> str | None:
    try:
        said = subprocess.run(
            ["git", "-C", str(home), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:  # an image without git
        return None
    return said.stdout.strip() or None
