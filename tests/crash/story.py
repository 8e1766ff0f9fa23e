"""The story that is played: a few dates of a small campaign, with the sample carrier on the other side.

Some 150 subscribers; the campaign starts on 28 January, so that five runs meet the first eligibility file and gifts,
recharges with two days at once, a month's gifts, the first instalments and the notices of their arrival, rows and
whole files that the carrier refuses, a broken delivery and its correction.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psycopg
import yaml
from psycopg import sql
from tests.crash.attempt import STEPS, Attempt
from tests.crash.servers import HOME, Postgres, Sftp
from tests.crash.truth import Truth, wrong

from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import connect
from laoyouhui_local.sample.carrier import SampleCarrier
from laoyouhui_local.server import database_dsn

STARTS_ON = date(2026, 1, 28)
DATES = [date(2026, 1, 27), date(2026, 1, 29), date(2026, 1, 31), date(2026, 2, 4), date(2026, 2, 5)]
SFTP_DATES = {3, 4}  # those whose runs reach the exchange over SFTP
_SUBSCRIBERS = 150
_SEED = 7


class World:
    """One warehouse, one exchange with its carrier, one folder of work: where a story is played."""

    def __init__(self, folder: Path, server: Postgres, database: str) -> None:
        self.folder = folder
        self.exchange = folder / "exchange"
        self.work = folder / "work"
        for path in (self.exchange / "in", self.exchange / "out", self.exchange / "ack", self.work):
            path.mkdir(parents=True, exist_ok=True)
        campaign = folder / "lyh2026.yml"
        _write_campaign(campaign)
        self.database = database
        self.settings = Settings(HOME, str(self.exchange), (campaign,), self.work, server.dsn(database))
        self.sftp = Sftp(folder, self.exchange)
        self.carrier = SampleCarrier(self.exchange, campaign_starts_on=STARTS_ON, subscribers=_SUBSCRIBERS, seed=_SEED)

    def run(self, number: int, steps: Sequence[str] = STEPS, **environment: str) -> Attempt:
        """Begin a run of the story's n-th date, or some steps of it."""
        day = DATES[number]
        if number in SFTP_DATES:
            self.sftp.start()
        settings = self.sftp.settings if number in SFTP_DATES else None
        return Attempt(self.settings, day, self.folder / f"{day}.log", steps, settings, environment).start()

    def deliver(self, number: int) -> None:
        """The carrier delivers what closes the story's n-th date, and the dates since the one before."""
        first = DATES[number - 1] + timedelta(days=1) if number else DATES[0]
        for days in range((DATES[number] - first).days + 1):
            self.carrier.deliver(first + timedelta(days=days))

    def answer(self, number: int) -> None:
        """The carrier answers what the run of the story's n-th date sent."""
        self.carrier.answer(DATES[number])

    def truth(self) -> Truth:
        """What is compared."""
        return Truth.of(self.settings.warehouse_dsn, self.exchange, self.settings.journal)

    def passes(self, number: int) -> int:
        """How many attempts of the story's n-th date were released."""
        with connect(self.settings.warehouse_dsn) as conn:
            row = conn.execute(
                "select attempts_released from raw.run where business_date = %s", (DATES[number],)
            ).fetchone()
        return row[0] if row else 0

    def wrong(self) -> list[str]:
        """What is wrong by itself, here and in the carrier's eyes."""
        found = list(wrong(self.settings.warehouse_dsn, self.exchange, self.work))
        return found + [str(problem) for problem in self.carrier.audit()]


@dataclass
class Reference:
    """The story undisturbed. From before each date a world can be begun; after each date stands the truth.

    It begins in a copy of the database `template`, else in an empty one, in which the first date has dbt build.
    """

    folder: Path
    server: Postgres
    template: str | None = None
    truths: list[Truth] = field(default_factory=list)
    seconds: list[dict[str, float]] = field(default_factory=list)
    _again: dict[int, Truth] = field(default_factory=dict)
    _worlds: list[World] = field(default_factory=list)

    def play(self, say: Callable[[str], None] = lambda _: None) -> Reference:
        """Play it, keeping a copy of warehouse and exchange before each date."""
        self.server.create_database("reference", self.template)
        world = self._world("reference")
        for number, day in enumerate(DATES):
            world.deliver(number)
            self._keep(world, number)
            self.seconds.append(_close(world, number))
            self.truths.append(world.truth())
            say(f"{day} undisturbed: " + ", ".join(f"{step} {took:.1f} s" for step, took in self.seconds[-1].items()))
            world.answer(number)
        world.sftp.kill()
        return self

    def close(self) -> None:
        """End the SFTP servers of all worlds, whatever became of them."""
        for world in self._worlds:
            world.sftp.kill()

    def differences(self, number: int, world: World) -> list[str]:
        """What a world has otherwise than the undisturbed one after the story's n-th date, and what is wrong in it.

        A run that died after its release and was begun anew is a further attempt: what dbt builds anew in each attempt
        may be that of an undisturbed date that was run twice (what the first pass sent again is no exception any more).
        """
        truth = world.truth()
        found = self.truths[number].differences(truth)
        if found and world.passes(number) > 1:
            found = self._truth_of_two_passes(number).differences(truth)
        return found + world.wrong()

    def begin(self, number: int) -> World:
        """A world of its own that stands just before the run of the story's n-th date, its deliveries there."""
        database = f"world_{len(self._worlds)}"
        _copy_database(self.server, f"before_{number}", database)
        shutil.copytree(self.folder / f"before_{number}", self.folder / database)
        return self._world(database)

    def forget(self, world: World) -> None:
        """Take a world away."""
        world.sftp.kill()
        _run(self.server, "drop database if exists {} with (force)", world.database)
        shutil.rmtree(world.folder)

    def _world(self, database: str) -> World:
        world = World(self.folder / database, self.server, database)
        self._worlds.append(world)
        return world

    def _truth_of_two_passes(self, number: int) -> Truth:
        if number not in self._again:
            world = self.begin(number)
            _close(world, number)
            _close(world, number)
            self._again[number] = self.truths[number].after(world.truth())
            self.forget(world)
        return self._again[number]

    def _keep(self, world: World, number: int) -> None:
        _copy_database(self.server, world.database, f"before_{number}")
        shutil.copytree(world.folder, self.folder / f"before_{number}")


def _close(world: World, number: int) -> dict[str, float]:
    """Run a date undisturbed, and give the seconds of each step."""
    attempt = world.run(number)
    if attempt.end():
        raise AssertionError(f"the undisturbed run of {DATES[number]} failed: see {attempt.log}\n{tail(attempt.log)}")
    if problems := world.wrong():
        raise AssertionError("\n".join(problems))
    times = {(step, mark): at for step, mark, at in attempt.seen}
    return {step: times[step, "end"] - begun for (step, mark), begun in times.items() if mark == "begin"}


def _write_campaign(path: Path) -> None:
    campaign = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))
    campaign["starts_on"] = campaign["terms"][0]["effective_from"] = STARTS_ON
    path.write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _copy_database(server: Postgres, source: str, target: str) -> None:
    deadline = time.monotonic() + 10
    while True:  # the sessions of the run that just ended may take a moment to go
        try:
            return _run(server, "create database {} template {}", target, source)
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _run(server: Postgres, statement: str, *names: str) -> None:
    with psycopg.connect(database_dsn(server.dsn(), "postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def tail(log: Path) -> str:
    """The end of a run's log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-25:])
