"""Bring a warehouse of an older release to this one, or refuse one of a newer: docs/adr/0015.

`schema.sql` and the files beside it define a new warehouse; Alembic's revisions in `migrations/versions` bring an older
one up to it. Alembic writes their SQL; it is executed here, in the caller's transaction.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from laoyouhui.config.errors import ConfigError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

FOLDER = Path(__file__).with_name("migrations")
REVISIONS = FOLDER / "versions"
BEFORE_VERSIONS = "base"  # e527328 and earlier states of November 2026

log = logging.getLogger(__name__)


def revision_of(conn: psycopg.Connection) -> str | None:
    """A warehouse's revision: BEFORE_VERSIONS if it has none, None if it is empty."""
    row = conn.execute("select to_regclass('raw.run') is not null, to_regclass('raw.alembic_version')").fetchone()
    stands, versions = row or (False, None)
    if not stands:
        return None
    if versions is None:
        return BEFORE_VERSIONS
    found = conn.execute("select version_num from raw.alembic_version").fetchone()
    return found[0] if found else BEFORE_VERSIONS


def upgrade(conn: psycopg.Connection) -> list[str]:
    """Upgrade a warehouse within the caller's transaction; give what was done, a line for each revision.

    An empty one is marked as made by this release. Raises ConfigError if a newer release has used it.
    """
    revision = revision_of(conn)
    if revision is None:
        conn.execute("create schema if not exists raw")
        conn.execute(_write("stamp", "head").encode())
        return []
    done = pending(revision)
    if done:
        conn.execute(_write("upgrade", f"{revision}:head").encode())
        _decide_again(conn)
        for line in done:
            log.warning("the warehouse was upgraded: %s", line)
    return done


def pending(revision: str) -> list[str]:
    """The revisions that a warehouse lacks, the oldest first. Raises ConfigError if its revision is unknown."""
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError

    scripts = _scripts()
    try:
        found = list(scripts.iterate_revisions("head", revision))
    except (CommandError, ResolutionError) as error:
        raise ConfigError(
            f"the warehouse was upgraded to {revision} by a newer release of laoyouhui, this one knows "
            f"{scripts.get_current_head()} at most: run that release; to go back to this one, restore the backup that "
            "was made before the upgrade (docs/upgrade.md)"
        ) from error
    return [f"{each.revision}: {each.doc}" for each in reversed(found)]


def sql_of(revision: str) -> str:
    """The SQL of an upgrade from a revision, for review."""
    return _write("upgrade", f"{revision}:head")


def _decide_again(conn: psycopg.Connection) -> None:
    """An attempt that another release has decided and not released is decided again, since its models were
    different.
    """
    conn.execute(
        "update raw.current_run set is_retry = true, state = 'TAKEN_IN' from raw.run "
        "where run.business_date = current_run.business_date and current_run.attempt_no > run.attempts_released "
        "and current_run.state in ('DECIDING', 'DECIDED')"
    )


def _write(command: str, target: str) -> str:
    from alembic import command as commands

    buffer = io.StringIO()
    getattr(commands, command)(_config(buffer), target, sql=True)
    return buffer.getvalue()


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config(buffer: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    config = Config(output_buffer=buffer)
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
