"""Airflow's own services for one workspace of this machine.

    with Airflow(home, workspace, server_dsn, database, pipeline_environment) as airflow:
        airflow.wait_until_ready()
        run_id = airflow.api.trigger(date(2026, 1, 26))

Scheduler, Dag processor and API server run as children, end with the `with` block and write into `<workspace>/logs`.
There is no triggerer: nothing defers. Secrets and the page's password lie in 0600 files of the workspace.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from laoyouhui.warehouse.dsn import libpq_environment
from laoyouhui_local.api import DAG_ID, AirflowApi
from laoyouhui_local.server import create_database, database_dsn, free_port

_SERVICES = {
    "scheduler": ["scheduler", "--skip-serve-logs"],  # the API server reads the logs from the same disk
    "dag-processor": ["dag-processor"],
    "api-server": ["api-server"],
}
PRELOAD = [
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.task_runner",
    "dbt.adapters.postgres",
    "dbt.cli.main",
    "great_expectations",
    "psycopg",
]
_READY_SECONDS = 180
_END_SECONDS = 5  # in peace; what waits longer has nothing to lose, since all state is in PostgreSQL
_PR_SET_PDEATHSIG = 1


class AirflowError(Exception):
    """A service ended or does not answer; the message names its log."""


class Airflow:
    """Airflow's services, its metadata in the database `database` of the server `server_dsn`.

    `pipeline` holds the `LAOYOUHUI_*` variables and `WAREHOUSE_DSN` that the tasks run with.
    """

    def __init__(
        self, home: Path, workspace: Path, server_dsn: str, database: str, pipeline: Mapping[str, str]
    ) -> None:
        self.home = home
        self.folder = workspace / "airflow"
        self.logs = workspace / "logs"
        self.port = free_port()
        self._server_dsn = server_dsn
        self._database = database
        self._pipeline = pipeline
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def page(self) -> str:
        """The address of Airflow's page while the services run."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords_file(self) -> Path:
        """Where the page's password can be read, by our user alone: it is never said aloud."""
        return self.folder / "passwords.json"

    @cached_property
    def password(self) -> str:
        """The password of the page's user `admin`."""
        return self._secret("admin")

    @cached_property
    def api(self) -> AirflowApi:
        """The API of these services."""
        return AirflowApi(self.page, self.password)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Create the metadata database where it is missing and start the services."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        environment = self.environment(self._database)
        self._create_metadata()
        self._end_what_was_cut_off()
        for name, words in _SERVICES.items():
            with (self.logs / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "airflow", *words],
                    cwd=self.home,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,  # Ctrl-C is for us: we end them in order
                    preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
                )

    def stop(self) -> None:
        """End the services and all that they started."""
        import psutil  # type: ignore[import-untyped]

        family = []
        for process in self._processes.values():
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(process.pid)
                family += [parent, *parent.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        _, alive = psutil.wait_procs(family, timeout=_END_SECONDS)
        for member in alive:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def wait_until_ready(self) -> None:
        """Wait until the API answers and knows the DAG; AirflowError after 180 seconds or when a service ended."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if self.api.knows_dag():
                return
            time.sleep(0.3)
        reasons = self.api.import_errors()
        raise AirflowError(f"Airflow does not know the DAG {DAG_ID} after {_READY_SECONDS} s: see {self.logs}{reasons}")

    def check(self) -> None:
        """Raise AirflowError when a service has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                log = self.logs / f"{name}.log"
                end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise AirflowError(f"Airflow's {name} ended with code {process.returncode}: see {log}\n{end}")

    def task_errors(self, run_id: str) -> Iterator[tuple[str, Path, str]]:
        """The failed tasks of a DAG run: the task, its log, and what the log says went wrong."""
        for task, (state, _) in self.api.task_states(run_id).items():
            if state == "failed":
                folder = self.logs / "tasks" / f"dag_id={DAG_ID}" / f"run_id={run_id}" / f"task_id={task}"
                attempts = sorted(folder.glob("attempt=*.log"), key=lambda path: path.stat().st_mtime)
                if attempts:
                    yield task, attempts[-1], errors_in_log(attempts[-1])
                else:
                    yield task, self.logs / "scheduler.log", "the task did not start"

    def _create_metadata(self) -> None:
        """Make the metadata database as a copy of a migrated template: migrating takes as long as a whole date."""
        import psycopg
        from psycopg import sql

        release = version("apache-airflow-core").replace(".", "_")
        template, unfinished = f"airflow_{release}", f"airflow_{release}_unfinished"
        with psycopg.connect(self._server_dsn, autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(hashtext('laoyouhui airflow template'))")
            if not connection.execute("select 1 from pg_database where datname = %s", [template]).fetchone():
                connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(unfinished)))
                create_database(self._server_dsn, unfinished)
                with (self.logs / "migrate.log").open("ab") as log:
                    done = subprocess.run(
                        [sys.executable, "-m", "airflow", "db", "migrate"],
                        cwd=self.home, env=self.environment(unfinished), stdout=log, stderr=log, check=False,
                    )  # fmt: skip
                if done.returncode:
                    raise AirflowError(f"airflow db migrate failed: see {self.logs / 'migrate.log'}")
                connection.execute(
                    sql.SQL("alter database {} rename to {}").format(
                        sql.Identifier(unfinished), sql.Identifier(template)
                    )
                )
            create_database(self._server_dsn, self._database, template)

    def _end_what_was_cut_off(self) -> None:
        """Call failed what a kill -9 or a power cut left as running: no service of this workspace runs now.

        The scheduler itself would wait five minutes for it, and begin nothing else meanwhile.
        """
        import psycopg

        with psycopg.connect(database_dsn(self._server_dsn, self._database)) as connection:
            connection.execute(
                "update task_instance set state = 'failed' "
                "where state in ('running', 'queued', 'scheduled', 'restarting', 'up_for_retry')"
            )
            connection.execute("update dag_run set state = 'failed' where state in ('running', 'queued')")

    def environment(self, database: str) -> dict[str, str]:
        passwords = self.passwords_file
        if not passwords.exists():
            _write_secret(passwords, json.dumps({"admin": self.password}))
        address = database_dsn(self._server_dsn, database)
        own = {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__FERNET_KEY": self._secret("fernet"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.page}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.page,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": self._secret("api"),
            "AIRFLOW__API_AUTH__JWT_SECRET": self._secret("jwt"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _driver(address, "psycopg2"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": _driver(address, "asyncpg"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs / "tasks"),
            "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
            "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
            "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(self.logs / "dag-processor"),
            # The next task starts when the scheduler looks: twenty times a second instead of once.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.05",
            # Tasks are forked from a process that has imported what they need: five to ten seconds less for each date.
            "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
            "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD": ",".join(PRELOAD),
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__DAG_PROCESSOR__FILE_PARSING_SORT_MODE": "alphabetical",  # close_day is waited for
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "86400",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "86400",
            "LAOYOUHUI_SCHEDULE": "",  # `make run` says when
            "LAOYOUHUI_WATCH_SCHEDULE": "",  # and each date is watched as it ends
            "LAOYOUHUI_RETRIES": "0",  # and the user tries again
            "LAOYOUHUI_ALERT_URLS": os.environ.get("LAOYOUHUI_ALERT_URLS", ""),
            "OPENLINEAGE_NAMESPACE": os.environ.get("OPENLINEAGE_NAMESPACE") or "laoyouhui",
            "LAOYOUHUI_HOME": str(self.home),
            "PYTHONPATH": str(self.home / "plugins"),
            **libpq_environment(address),  # asyncpg reads sslmode and certificates there
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LAOYOUHUI"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # it makes every process start two to three times slower
        return kept | own | dict(self._pipeline)

    def _secret(self, name: str) -> str:
        path = self.folder / f"secret-{name}"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_secret(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        return path.read_text()


def _driver(dsn: str, driver: str) -> str:
    """The DSN as SQLAlchemy spells it; asyncpg knows none of libpq's options but the address (no sslmode)."""
    parts = urlsplit(dsn)
    query = parts.query
    if driver == "asyncpg":
        query = urlencode([(name, value) for name, value in parse_qsl(query) if name in {"host", "port"}])
    return urlunsplit(parts._replace(scheme=f"postgresql+{driver}", query=query))


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def errors_in_log(log: Path) -> str:
    """The errors of a task's log: what was said, and the exceptions' own words."""
    said = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("level") in {"error", "critical"}:
            details = entry.get("error_detail") or []
            said += [f"{detail['exc_type']}: {detail['exc_value']}" for detail in details] or [str(entry.get("event"))]
    return "\n".join(dict.fromkeys(said)) or "the log names no error"


def _end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent dies without a word (kill -9)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
