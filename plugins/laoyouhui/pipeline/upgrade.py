"""Upgrade the warehouse before its next date, and say what was done: `make upgrade`, `ARGS=--sql` to preview it.

Optional: the first step of a new release that works in a warehouse does the same. docs/upgrade.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import RunningError, connect, lock_warehouse
from laoyouhui.warehouse.upgrade import pending, revision_of, sql_of

_BACKUP = "back it up first: pg_dump -Fc --file=warehouse.dump (docs/upgrade.md)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Upgrade the warehouse of the environment; return the exit code: 0 done or nothing to do, 2 refused."""
    parser = argparse.ArgumentParser(prog="laoyouhui.pipeline.upgrade", description="Upgrade the warehouse.")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--show", action="store_true", help="say what would be done, and do nothing")
    shown.add_argument("--sql", action="store_true", help="print the SQL that would be executed, and do nothing")
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_env()
        with connect(settings.warehouse_dsn, autocommit=True) as conn:
            revision = revision_of(conn)
            missing = pending(revision) if revision else []
            if revision is None or not missing:
                sys.stdout.write("nothing to upgrade: the warehouse is of this release, or empty\n")
            elif asked.sql:
                sys.stdout.write(sql_of(revision))
            elif asked.show:
                sys.stdout.write("\n".join([*missing, _BACKUP]) + "\n")
            if not (asked.sql or asked.show):
                lock_warehouse(conn, "upgrade", datetime.now(ZoneInfo("Asia/Shanghai")).date())
                sys.stdout.writelines(f"{line}\n" for line in missing)
    except (ConfigError, RunningError) as error:
        sys.stderr.write(f"refused: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
