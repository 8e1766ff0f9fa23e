"""A workspace by hand: `make psql`, `dbt`, `warehouse`, `upgrade`, `airflow`, `override`, `why`, `report`, `archive`.

EXCHANGE and CAMPAIGN say which, as for `make run`.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.reports.snapshot import ReportError
from laoyouhui.warehouse.connection import RunningError
from laoyouhui.warehouse.dsn import read_dsn, with_options
from laoyouhui_local import why
from laoyouhui_local.airflow import Airflow, AirflowError
from laoyouhui_local.console import say
from laoyouhui_local.server import EmbeddedPostgres, ServerError, binary
from laoyouhui_local.workspace import HOME, UsageError, Workspace, read_workspace


def main(what: str) -> int:
    """Open the warehouse (`psql`) or Airflow's page (`airflow`), override by hand (`override`), explain (`why`), or
    close.

    `dbt` runs a command of dbt over the warehouse; `warehouse` lets the embedded server run on, or ends it (STOP);
    `upgrade` brings the warehouse of an older release to this one.
    `report` writes the summary report, `archive` that and the archive. Returns the exit code.
    """
    try:
        workspace = read_workspace(os.environ)
        if what == "warehouse":
            return _keep_server(workspace)
        with workspace.server() as server_dsn:
            return _open(what, workspace, server_dsn)
    except (UsageError, ConfigError) as error:
        say(str(error), wrong=True)
        return 2
    except (ServerError, AirflowError, ReportError, RunningError) as error:
        say(str(error), wrong=True)
        return 1


def _open(what: str, workspace: Workspace, server_dsn: str) -> int:
    match what:
        case "psql":
            return _psql(workspace.warehouse(server_dsn))
        case "dbt":
            return _dbt(workspace, server_dsn)
        case "override" | "upgrade":
            return (_override if what == "override" else _upgrade)(workspace, server_dsn)
        case "why":
            return why.main(workspace.warehouse(server_dsn), os.environ)
        case "report" | "archive":
            return _close(workspace, server_dsn, with_archive=what == "archive")
        case _:
            with workspace.locked():
                return _airflow(workspace, server_dsn)


def _psql(warehouse: str) -> int:
    import psycopg

    words = read_dsn(warehouse)
    words.pop("options", None)
    # The password goes by the environment: a command line can be read by everybody.
    password = {"PGPASSWORD": words.pop("password")} if words.get("password") else {}
    environment = (
        os.environ
        | password
        | {"PGOPTIONS": with_options(warehouse, "-c search_path=marts,ledger,exports,raw,outbox,public")}
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends a query of psql, not us
    if sys.stdin.isatty():
        say("\\dt marts.* lists what people read; ledger.ledger_entries holds every entry; \\q leaves")
    return subprocess.run(
        [binary("psql"), psycopg.conninfo.make_conninfo(**words)], env=environment, check=False
    ).returncode


def _keep_server(workspace: Workspace) -> int:
    if workspace.server_dsn is not None:
        raise UsageError("WAREHOUSE_DSN: expected none: a server of yours is not ours to start or to stop")
    postgres = EmbeddedPostgres(HOME)
    if os.environ.get("STOP"):
        postgres.stop()
        return 0
    with postgres:
        postgres.keep()
        say(workspace.warehouse(postgres.dsn()).replace(read_dsn(postgres.dsn())["password"], "..."))
        say(f"password in {postgres.folder / 'password'}; it runs until `make warehouse STOP=1`")
    return 0


def _dbt(workspace: Workspace, server_dsn: str) -> int:
    from laoyouhui.pipeline.decide import dbt_environment

    arguments = shlex.split(os.environ.get("ARGS", ""))
    if not arguments:
        raise UsageError('ARGS: expected a command of dbt, such as ARGS="show --select recharge_decisions"')
    settings = Settings.from_env(workspace.pipeline_environment(workspace.warehouse(server_dsn)))
    project = str(HOME / "dbt_project")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends dbt, not us
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments],
        cwd=project,
        env=os.environ | dbt_environment(settings) | {"DBT_PROFILES_DIR": project},
        check=False,
    ).returncode


def _override(workspace: Workspace, server_dsn: str) -> int:
    from laoyouhui.pipeline.overrides import main as request_override

    os.environ.update(workspace.pipeline_environment(workspace.warehouse(server_dsn)))
    given = shlex.split(os.environ.get("REQUEST", ""))
    return request_override([*given, "--by", os.environ.get("BY", ""), "--why", os.environ.get("WHY", "")])


def _upgrade(workspace: Workspace, server_dsn: str) -> int:
    from laoyouhui.pipeline.upgrade import main as upgrade

    os.environ.update(workspace.pipeline_environment(workspace.warehouse(server_dsn)))
    return upgrade(shlex.split(os.environ.get("ARGS", "")))


def _close(workspace: Workspace, server_dsn: str, *, with_archive: bool) -> int:
    from laoyouhui.reports.archive import archive
    from laoyouhui.reports.report import report

    settings = Settings.from_env(workspace.pipeline_environment(workspace.warehouse(server_dsn)))
    made = report(settings)
    if with_archive:
        made += archive(settings)
    for path in made:
        say(str(path))
    return 0


def _airflow(workspace: Workspace, server_dsn: str) -> int:
    done = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: done.set())
    pipeline = workspace.pipeline_environment(workspace.warehouse(server_dsn))
    with Airflow(HOME, workspace.folder, server_dsn, workspace.airflow_database, pipeline) as airflow:
        airflow.wait_until_ready()
        say(f"{airflow.page}  user admin, password in {airflow.passwords_file}\nCtrl-C ends it")
        while not done.wait(1):
            airflow.check()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
