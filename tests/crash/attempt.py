"""One try at closing a business date, in a process group of its own: what an operator starts, and what is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import SftpSettings

STEPS = ("ingest", "decide", "release", "deliver")
_LONGEST_SECONDS = 300

# As under Airflow (see local/airflow.py): forked from a process that has imported what is heavy.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["tests.crash.attempt", "dbt.adapters.postgres", "dbt.cli.main", "great_expectations", "paramiko", "psycopg"]
)


@dataclass
class Attempt:
    """A running try. `seen` holds (step, "begin" or "end", seconds of the monotonic clock) as the try told them."""

    settings: Settings
    business_date: date
    log: Path
    steps: Sequence[str] = STEPS
    sftp: SftpSettings | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str, float]] = field(default_factory=list)

    def start(self) -> Attempt:
        """Start it; return when its first step begins."""
        self._told, tells = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_close,
            args=(tells, self.settings, self.business_date, self.steps, self.sftp, dict(self.environment), self.log),
        )
        self._process.start()
        tells.close()
        self._listen(_LONGEST_SECONDS, until=lambda: bool(self.seen))
        return self

    @property
    def pid(self) -> int:
        """The number of its process, which is that of its group."""
        return self._process.pid or 0

    def wait_for(self, step: str) -> bool:
        """Wait until a step begins; False where the try ends before."""
        return self._listen(_LONGEST_SECONDS, until=lambda: any(told[:2] == (step, "begin") for told in self.seen))

    def go_on(self, seconds: float) -> bool:
        """Let it go on for so long; False where it ends before."""
        self._listen(seconds, until=lambda: False)
        return self._process.is_alive()

    def kill(self, *, group: bool = True) -> None:
        """SIGKILL to its process group, or to the one process alone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL) if group else os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait until it ends by itself or by a kill, and give its exit code (negative: the signal)."""
        self._listen(_LONGEST_SECONDS, until=lambda: False)
        self._process.join(_LONGEST_SECONDS)
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"the run of {self.business_date} does not end: see {self.log}")
        return self._process.exitcode

    @property
    def step(self) -> str:
        """The step that began last."""
        self._listen(0, until=lambda: False)
        return self.seen[-1][0] if self.seen else self.steps[0]

    def orphans(self) -> list[str]:
        """What is left of its process group some seconds after its end."""
        deadline = time.monotonic() + 5
        while left := [one for one in psutil.process_iter() if _group(one.pid) == self.pid]:
            if time.monotonic() > deadline:
                return [str(one) for one in left]
            time.sleep(0.1)
        return []

    def _listen(self, seconds: float, *, until: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        with suppress(EOFError, OSError):
            while not until() and self._told.poll(max(0.0, deadline - time.monotonic())):
                self.seen.append(self._told.recv())
        return until()


def _close(
    tells: Connection,
    settings: Settings,
    business_date: date,
    steps: Sequence[str],
    sftp: SftpSettings | None,
    environment: dict[str, str],
    log: Path,
) -> None:
    os.setsid()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environment)
    time.tzset()
    import logging
    from importlib import import_module

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("paramiko").setLevel(logging.WARNING)
    for step in steps:
        tells.send((step, "begin", time.monotonic()))
        run = getattr(import_module(f"laoyouhui.pipeline.{step}"), step)
        run(settings, business_date, **({"sftp": sftp} if step in {"ingest", "deliver"} else {}))
        tells.send((step, "end", time.monotonic()))


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
