"""A campaign of kills: the story's runs die at random moments, are begun again, and must come to the same end.

What is drawn (how often a date dies, what is killed, when, how it is begun again) follows from the seed; when exactly
a kill lands in a run follows from the machine as well.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import psycopg
from tests.crash.attempt import STEPS, Attempt
from tests.crash.story import DATES, SFTP_DATES, Reference, World
from tests.crash.truth import sessions

VICTIMS = {
    "run": "the run's process group",
    "process": "the run's first process alone",
    "postgres": "PostgreSQL, every process",
    "sftp": "the SFTP server",
    "all": "run, PostgreSQL and SFTP server at once",
}
_WEIGHTS = {"run": 5, "process": 1, "postgres": 3, "sftp": 2, "all": 2}
_MOST_KILLS_A_DATE = 6
_TRIES_AFTER = 3


@dataclass(frozen=True)
class Kill:
    """One kill that struck a running date. `inside` is what the run was at, as far as the database could tell."""

    number: int
    business_date: str
    transport: str
    victim: str
    step: str
    seconds: float  # since the run began
    inside: str
    begun_again: str  # "date": from its first step; "step": from the step that was struck
    exit_code: int


@dataclass
class Result:
    """What a campaign found."""

    seed: int
    kills: list[Kill] = field(default_factory=list)
    dates_closed: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")

    def table(self) -> str:
        """Kills by step struck and by what was killed, as a table of Markdown."""
        counts = Counter((kill.step, kill.victim) for kill in self.kills)
        lines = [
            "| step struck | " + " | ".join(VICTIMS.values()) + " | all |",
            "|---|" + "---|" * (len(VICTIMS) + 1),
        ]
        for step in STEPS:
            row = [counts[step, victim] for victim in VICTIMS]
            lines.append(f"| `{step}` | " + " | ".join(map(str, [*row, sum(row)])) + " |")
        total = [sum(counts[step, victim] for step in STEPS) for victim in VICTIMS]
        lines.append("| **all** | " + " | ".join(map(str, [*total, sum(total)])) + " |")
        return "\n".join(lines)


class Campaign:
    """Plays the story again and again, killing, until enough kills have struck."""

    def __init__(self, reference: Reference, *, seed: int, say: Callable[[str], None] = lambda _: None) -> None:
        self._reference = reference
        self._server = reference.server
        self._draw = Random(seed)  # noqa: S311 - to be repeated, no secret
        self._say = say
        self.result = Result(seed)

    def run(self, kills: int, *, first_date: int = 0, keep: Path | None = None) -> Result:
        """Kill until so many kills have struck. The first story begins before its n-th date."""
        while len(self.result.kills) < kills and not self.result.differences:
            world = self._reference.begin(first_date)
            try:
                self._play(world, first_date, kills, keep)
            finally:
                world.sftp.kill()
            if not self.result.differences:
                self._reference.forget(world)  # else it stays to be looked at
            first_date = 0
        return self.result

    def _play(self, world: World, first_date: int, kills: int, keep: Path | None) -> None:
        for number in range(first_date, len(DATES)):
            began = time.monotonic()
            self._close(world, number, kills)
            self.result.seconds += time.monotonic() - began
            if keep:
                self.result.write(keep)
            if len(self.result.kills) >= kills or self.result.differences:
                break
            world.answer(number)
            if number + 1 < len(DATES):
                world.deliver(number + 1)

    def _close(self, world: World, number: int, wanted: int) -> None:
        day = DATES[number]
        first = 0
        for _ in range(self._draw.randint(1, _MOST_KILLS_A_DATE)):
            if len(self.result.kills) >= wanted:
                break
            struck = self._attempt_and_kill(world, number, STEPS[first:])
            first = STEPS.index(struck.step) if struck and struck.begun_again == "step" else 0
        for tries in range(1, _TRIES_AFTER + 1):
            self._server.start()
            attempt = world.run(number, STEPS[first:])
            code = attempt.end()
            first = 0
            if code == 0:
                break
            self._differ(day, f"the run that should have ended the date failed (try {tries}): {_end_of(attempt.log)}")
        left = sessions(self._server.dsn(), world.settings.warehouse_dsn)
        found = self._reference.differences(number, world)
        found += [f"orphan: {one}" for one in attempt.orphans()] + [f"session left: {one}" for one in left]
        for one in found:
            self._differ(day, one)
        self.result.dates_closed += 1

    def _attempt_and_kill(self, world: World, number: int, steps: tuple[str, ...]) -> Kill | None:
        self._server.start()
        victim = self._draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if victim == "sftp" and number not in SFTP_DATES:
            victim = "run"
        at_once, again = self._draw.random() < 0.5, self._draw.choice(("date", "step"))
        with self._watch(world) as watch:
            attempt = world.run(number, steps)
            alive = self._let_go_on(attempt, number, steps)
            inside = watch.inside() if alive else ""
            step = attempt.step
            seconds = time.monotonic() - attempt.seen[0][2]
            if alive:
                self._kill(victim, attempt, world)
        if victim in {"postgres", "sftp", "all"} and at_once:  # as a service that starts again by itself
            self._server.start()
            world.sftp.start()
        code = attempt.end()
        for orphan in attempt.orphans():
            self._differ(DATES[number], f"orphan of a killed run: {orphan}")
        if not alive or attempt.seen[-1][:2] == (steps[-1], "end"):
            return None  # it was faster than the kill
        kill = Kill(
            number=len(self.result.kills) + 1,
            business_date=DATES[number].isoformat(),
            transport="sftp" if number in SFTP_DATES else "folder",
            victim=victim,
            step=step,
            seconds=round(seconds, 2),
            inside=inside,
            begun_again=again,
            exit_code=code,
        )
        self.result.kills.append(kill)
        self._say(f"{kill.number:4} {kill.business_date} {step:8} {victim:8} {inside}")
        return kill

    def _let_go_on(self, attempt: Attempt, number: int, steps: tuple[str, ...]) -> bool:
        """Let the run go on to the moment of the kill: half of them anywhere in the date, half in a step drawn."""
        took = self._reference.seconds[number]
        if self._draw.random() < 0.5:
            return attempt.go_on(self._draw.random() * sum(took[step] for step in steps))
        step = self._draw.choice(steps)
        return attempt.wait_for(step) and attempt.go_on(self._draw.random() * took[step])

    def _kill(self, victim: str, attempt: Attempt, world: World) -> None:
        if victim in {"run", "process", "all"}:
            attempt.kill(group=victim != "process")
        if victim in {"postgres", "all"}:
            self._server.kill()
        if victim in {"sftp", "all"}:
            world.sftp.kill()

    def _watch(self, world: World) -> _Watch:
        return _Watch(self._server.dsn(), world.database)

    def _differ(self, day: date, what: str) -> None:
        self._say(f"     {day} DIFFERENCE {what}")
        self.result.differences.append(f"after kill {len(self.result.kills)}, {day}: {what}")


class _Watch:
    """Tells what the sessions of a warehouse are at, through a session that stands ready."""

    def __init__(self, server_dsn: str, database: str) -> None:
        self._conn = psycopg.connect(server_dsn, autocommit=True)
        self._database = database

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def inside(self) -> str:
        """The models and tests that are at work, or the statement that ran last; empty where no session is open."""
        with suppress(psycopg.Error):
            found = self._conn.execute(
                "select state, query from pg_stat_activity where datname = %s and backend_type = 'client backend' "
                "order by state = 'active' desc, state_change desc",
                (self._database,),
            ).fetchall()
            # dbt's own statements name their node, those run again their path
            paths = r'"node_id": "([^"]+)"|^/\* ((?:models|tests)/[^ ]+)'
            models = ["".join(path[0]) for _, query in found if (path := re.findall(paths, query))]
            if models:
                return ", ".join(dict.fromkeys(models))
            for state, query in found:
                said = " ".join(query.split())[:80]
                return "decide starts" if said.startswith("update raw.current_run") else f"{state}: {said}"
        return ""


def _end_of(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-3:])
