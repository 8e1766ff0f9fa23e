"""`make bench N=1000000`: a month's first day of a big carrier, beside a hand-written SQL script doing the same work.

Makes N subscribers, 1.2 N recharges of February 2026 and what they ask for of the other benefits, and closes 27
February without measuring: that run ingests the first snapshot and the month's events. Measured are the biggest day,
28 February (every gift of March, the day's recharges and requests, the instalments due on the 1st, who joins and who
leaves), and the day after it, whose messages tell of what the carrier accepted. Each step of the pipeline is a process
of its own, as under Airflow. The script in `bench_plain/` reads the same files on the same server: both have to write
the same bytes and the same figures, or the benchmark fails.

Ends with an ordinary day of a small carrier, with and without Airflow's scheduler. docs/benchmark.md tells how to read
it. Needs Linux with gzip, awk and coreutils. What it made stays in `var/` and on the server till the next `make bench`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from laoyouhui.config.campaign import load_campaigns
from laoyouhui.config.carrier import load_carrier
from laoyouhui.warehouse.connection import connect
from laoyouhui_local.airflow import Airflow, AirflowError
from laoyouhui_local.console import say, say_table
from laoyouhui_local.sample.carrier import SampleCarrier
from laoyouhui_local.server import ServerError, binary, create_database, database_dsn
from laoyouhui_local.workspace import HOME, UsageError, Workspace

if TYPE_CHECKING:
    from psutil import Process  # type: ignore[import-untyped]

FIRST = date(2026, 2, 1)
PREPARED, BIGGEST, AFTER = date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)
SNAPSHOTS = {PREPARED: FIRST, BIGGEST: BIGGEST, AFTER: AFTER}  # the snapshot that a run ingests closes this date
FEEDS = (
    "subscriber",
    "recharge",
    "hall",
    "family_request",
    "device_catalogue",
    "device_order",
    "card_stock",
    "card_claim",
    "trial_application",
)
STEPS = ("ingest", "decide", "release", "deliver")
SCRIPT_STEPS = {"ingest": "load", "decide": "decide", "deliver": "write"}  # which of the script's stands beside which
SMALL_DAYS = 4  # the last two are measured: through the scheduler, and without it
_PLAIN = Path(__file__).with_name("bench_plain")
# what the script can do
_SCRIPTED = (
    "intake",
    "watch",
    "eligibility",
    "data_gift",
    "recharge",
    "family_numbers",
    "devices",
    "membership",
    "cards",
    "trials",
    "messages",
)
_SCRIPTED_EVENTS = ("announcement", "data_gift", "instalment", "card_code")
# places of a trial, of a million subscribers: the first is full before the biggest day, the other on the day after it
_TRIAL_PLACES = {"CLOUD": 7_000, "VRING": 3_880}
_LATER = "later"  # the folder beside `in/` where files lie until their date is closed
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 0.5  # between two looks at PostgreSQL's memory, which cost some milliseconds each

# What pipeline and script must agree on beside the files: both are asked the same ...
_SAME = (
    "select * from marts.budget_by_line_month",
    "select * from marts.liability_by_month",
    "select * from marts.participation_by_day",
    "select * from marts.eligibility_by_city_reason",
    """
    select exception_type, found_on, what_to_do, count(*), sum(amount_fen) from marts.exceptions
    group by exception_type, found_on, what_to_do
    """,
)
# ... or each of a relation of its own.
_OWN = (
    (
        """
        select
            benefit, entry_type, booked_on, count(*), sum(amount_fen), sum(committed_fen), sum(actual_fen),
            sum(liability_fen)
        from {} group by benefit, entry_type, booked_on
        """,
        "ledger.ledger_entries",
        "ledger",
    ),
    (
        """
        select business_date, reason, discount_check, count(*), sum(face_fen), sum(entitled_fen), sum(applied_fen)
        from {} group by business_date, reason, discount_check
        """,
        "ledger.recharge_decisions",
        "recharge_decision",
    ),
    (
        "select business_date, action, reason, count(*) from {} group by business_date, action, reason",
        "ledger.family_decisions",
        """
        (
            select business_date, action, reason from family_request
            union all
            select ended_in, 'END', end_reason from family_link where end_reason <> 'REMOVED'
        ) as decided
        """,
    ),
    (
        """
        select business_date, reason, price_check, count(*), sum(list_price_fen), sum(entitled_fen), sum(applied_fen)
        from {} group by business_date, reason, price_check
        """,
        "ledger.device_decisions",
        "device_decision",
    ),
    (
        "select business_date, action, effective_on, count(*) from {} group by business_date, action, effective_on",
        "ledger.membership_changes",
        """
        (
            select business_date, 'ADD' as action, member_from as effective_on from membership
            union all
            select ended_in, 'REMOVE', member_to from membership where ended_in is not null
        ) as changed
        """,
    ),
    (
        (
            "select business_date, platform, reason, count(*), sum(cost_fen) from {} "
            "group by business_date, platform, reason"
        ),
        "ledger.card_decisions",
        """
        (
            select waited_in as business_date, platform, 'WAITING' as reason, null::bigint as cost_fen
            from card_claim where waited_in is not null
            union all
            select coalesce(decided_in, business_date), card_claim.platform, reason, cost_fen
            from card_claim left join card_code using (claim_id) where reason <> 'WAITING'
        ) as decided
        """,
    ),
    (
        (
            "select business_date, trial_code, is_member, reason, count(*) from {} group by business_date, trial_code, "
            "is_member, reason"
        ),
        "ledger.trial_decisions",
        "trial_application",
    ),
)
_STEP = """
import sys
from datetime import date
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.{0} import {0}

{0}(Settings.from_env(), date.fromisoformat(sys.argv[1]))
"""
_MAKE_FILES = """
import sys
from datetime import date
from pathlib import Path
from laoyouhui_local.sample.bulk import write_month

exchange, subscribers, days, *snapshots_on = sys.argv[1:]
write_month(
    Path(exchange),
    subscribers=int(subscribers),
    first_date=date.fromisoformat(snapshots_on[0]),
    days=int(days),
    # the day after the biggest has recharges too
    recharges_factor=1.2 * int(days) / (int(days) - 1),
    snapshots_on=tuple(map(date.fromisoformat, snapshots_on)),
)
"""


class BenchError(Exception):
    """A step failed, or the two differ; the message says which and where to look."""


@dataclass(frozen=True)
class Measured:
    """One process: its seconds from start to end, its peak memory, and PostgreSQL's meanwhile, in MB of 2^20 bytes."""

    seconds: float
    process_mb: int
    postgres_mb: int | None


@dataclass(frozen=True)
class Bench:
    """The pipeline's workspace, and what is measured in it."""

    workspace: Workspace
    server_dsn: str

    @property
    def logs(self) -> Path:
        """What the measured processes said."""
        return self.workspace.folder / "logs"

    @property
    def warehouse(self) -> str:
        """The DSN of the pipeline's warehouse."""
        return database_dsn(self.server_dsn, self.workspace.database)

    @property
    def plain_database(self) -> str:
        """The name of the script's database."""
        return f"{self.workspace.database}_plain"

    @property
    def plain_folder(self) -> Path:
        """The script's folder, with `out/`."""
        return self.workspace.folder / "plain"

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of a pipeline process."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own = {"PYTHONPATH": str(HOME / "plugins"), **self.workspace.pipeline_environment(self.warehouse)}
        return kept | own

    @cached_property
    def postmaster(self) -> Process | None:
        """The server's first process, where it runs on this machine."""
        import psutil

        with connect(self.server_dsn) as conn:
            try:
                parent = psutil.Process(conn.info.backend_pid).parent()
            except psutil.Error:
                return None
            return parent if parent is not None and "postgres" in parent.name() else None

    def recreate(self) -> None:
        """Empty the folders and databases of an earlier benchmark."""
        for old in (self.logs, self.plain_folder, self.workspace.folder / "work", self.workspace.exchange):
            shutil.rmtree(old, ignore_errors=True)
        for name in ("in", "out", "ack", _LATER):
            (self.workspace.exchange / name).mkdir(parents=True)
        self.logs.mkdir(parents=True)
        (self.plain_folder / "out").mkdir(parents=True)
        with connect(self.server_dsn, autocommit=True) as conn:
            for database in (self.workspace.database, self.plain_database, self.workspace.airflow_database):
                conn.execute(f'drop database if exists "{database}" with (force)')
        create_database(self.server_dsn, self.workspace.database)

    def deliver(self, day: date) -> None:
        """Let the files that close this date and earlier ones come: what lay there too soon would be an exception."""
        later = self.workspace.exchange / _LATER / "in"
        for file in sorted(later.glob("*/*")):
            if file.name.split("_")[-2] <= f"{day:%Y%m%d}":
                place = self.workspace.exchange / "in" / file.parent.name
                place.mkdir(exist_ok=True)
                file.rename(place / file.name)

    def close(self, day: date) -> dict[str, Measured]:
        """Close a date with the pipeline, each step in a process of its own."""
        self._settle_down()
        return {
            step: self.measure(f"{day}_{step}", [sys.executable, "-c", _STEP.format(step), str(day)]) for step in STEPS
        }

    def close_plainly(self, day: date) -> dict[str, Measured]:
        """Close a date with the script, each step in a psql of its own."""
        self._settle_down()
        environment = os.environ | self._plain_files(day)
        dsn = database_dsn(self.server_dsn, self.plain_database)
        variables = (f"--set=day={day}", f"--set=snapshot_on={SNAPSHOTS[day]}")
        return {
            step: self.measure(
                f"{day}_plain_{step}",
                [str(binary("psql")), "-X", "-q", *variables, f"--file={_PLAIN / step}.sql", dsn],
                environment,
                self.plain_folder,
            )
            for step in SCRIPT_STEPS.values()
        }

    def prepare_plain(self) -> None:
        """Make the script's tables; the plan is the campaign's."""
        create_database(self.server_dsn, self.plain_database)
        with connect(database_dsn(self.server_dsn, self.plain_database)) as conn:
            conn.execute((_PLAIN / "schema.sql").read_bytes())
            with conn.cursor().copy("copy budget_plan from stdin") as copy:
                for plan in self.workspace.campaign.budget:
                    copy.write_row((self.workspace.campaign.campaign_id, plan.line, plan.month, plan.plan_fen))
            with conn.cursor().copy("copy trial from stdin") as copy:
                for offer in self.workspace.campaign.versions[0].terms["trials"]["offers"]:
                    copy.write_row([offer[column] for column in ("code", "opens_on", "places", "cost_fen")])

    def _plain_files(self, day: date) -> dict[str, str]:
        incoming, since = self.workspace.exchange / "in", SNAPSHOTS[day]
        names = {
            feed: [
                file
                for file in sorted((incoming / feed).glob(f"{feed}_*.txt*"))
                if f"{since:%Y%m%d}" <= file.name.split("_")[-2] <= f"{day:%Y%m%d}"
            ]
            for feed in FEEDS
        }
        answers = (self.workspace.exchange / "ack").glob(f"*/*_{day - timedelta(days=1):%Y%m%d}_*.rsp")
        return {
            "DAY": f"{day:%Y%m%d}",
            "PUT": str(_PLAIN / "put"),
            "FILES": " ".join(str(file) for files in names.values() for file in files),
            **{f"{feed.upper()}_FILES": " ".join(map(str, files)) for feed, files in names.items()},
            "ANSWER_FILES": " ".join(map(str, sorted(answers))),
        }

    def answer(self, day: date) -> None:
        """Answer each file of a date: every row is accepted."""
        out = self.workspace.exchange / "out"
        for check in out.glob(f"*/*_{day:%Y%m%d}_*.chk"):
            rows = check.read_text().split("|")[2]
            answer = self.workspace.exchange / "ack" / check.parent.name / f"{check.stem}.rsp"
            answer.parent.mkdir(exist_ok=True)
            answer.write_text(f"{check.stem}|RIGHT|{rows}|0\n")

    def require_same(self, day: date) -> list[tuple[str, int, int]]:
        """Give (interface, files, rows) of a date. Raises BenchError where the script's files or figures differ."""
        checks = [_check_lines(folder / "out", day) for folder in (self.workspace.exchange, self.plain_folder)]
        differing = sorted(
            name for name in checks[0].keys() | checks[1].keys() if checks[0].get(name) != checks[1].get(name)
        )
        if differing:
            raise BenchError(
                f"{day}: pipeline and script wrote other bytes: {', '.join(differing[:5])}: compare "
                f"{self.workspace.exchange / 'out'} with {self.plain_folder / 'out'}"
            )
        with (
            connect(self.warehouse) as pipeline,
            connect(database_dsn(self.server_dsn, self.plain_database)) as plain,
        ):
            queries = [(query, query) for query in _SAME]
            queries += [(query.format(ours), query.format(theirs)) for query, ours, theirs in _OWN]
            for ours, theirs in queries:
                left, right = set(pipeline.execute(ours.encode())), set(plain.execute(theirs.encode()))
                if left != right:
                    raise BenchError(
                        f"{day}: pipeline and script differ in:\n{ours}\nonly the pipeline: "
                        f"{sorted(map(str, left - right))[:5]}\nonly the script: {sorted(map(str, right - left))[:5]}"
                    )
        rows: dict[str, list[int]] = {}
        for line in checks[0].values():
            name, _, count, *_ = line.split("|")
            rows.setdefault(name.split("_lyh2026_")[0], []).append(int(count))
        return [(interface, len(counts), sum(counts)) for interface, counts in sorted(rows.items())]

    def _settle_down(self) -> None:
        """Do what autovacuum would have done since the last run, and write out what the last run left in memory."""
        with connect(self.server_dsn, autocommit=True) as conn:
            databases = [self.workspace.database, self.plain_database]
            known = conn.execute("select datname from pg_database where datname = any(%s)", (databases,)).fetchall()
        for (database,) in known:
            with connect(database_dsn(self.server_dsn, database), autocommit=True) as conn:
                # by autovacuum's own thresholds: what is smaller stays without statistics, as it would
                grown = conn.execute(
                    "select format('%I.%I', schemaname, relname) from pg_stat_user_tables "
                    "where n_mod_since_analyze > 50 + 0.1 * n_live_tup"
                ).fetchall()
                for (relation,) in grown:
                    conn.execute(f"vacuum (analyze) {relation}".encode())
                conn.execute("checkpoint")

    def measure(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path = HOME
    ) -> Measured:
        """Run a command to its end. Raises BenchError with the end of its log when it fails."""
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            started = time.monotonic()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment or self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            postgres_mb, look_at = 0, started
            while True:
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                seconds = time.monotonic() - started
                if ended:
                    break
                if time.monotonic() >= look_at:
                    postgres_mb, look_at = max(postgres_mb, self._postgres_mb()), time.monotonic() + _LOOK_SECONDS
                time.sleep(_POLL_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise BenchError(f"{name} failed with code {process.returncode}, see {log}\n{end}")
        return Measured(seconds, usage.ru_maxrss >> 10, postgres_mb or None)

    def _postgres_mb(self) -> int:
        """What the server's processes hold now: each one's own memory, and once what they share."""
        import psutil

        own = shared = 0
        for process in self.postmaster.children() if self.postmaster else []:
            try:
                memory = process.memory_info()
            except psutil.Error:
                continue
            own += memory.rss - memory.shared
            shared = max(shared, memory.shared)
        return int(own + shared) >> 20


def main() -> int:
    """Run the benchmark; 0 when pipeline and script agree, 1 when something failed, 2 when N is no number."""
    given = os.environ.get("N") or "1000000"
    if not given.isdecimal() or int(given) < 1000:
        say(f"N: value {given!r}: expected a number of subscribers from 1000 up, such as 1000000", wrong=True)
        return 2
    try:
        with _bench("bench", int(given)) as bench, bench.workspace.locked():
            _measure_big(bench, int(given))
        with _bench("bench-small") as bench, bench.workspace.locked():
            _measure_small(bench)
    except (AirflowError, BenchError, ServerError, UsageError) as error:
        say(f"\n{error}", wrong=True)
        return 1
    return 0


@contextmanager
def _bench(name: str, subscribers: int | None = None) -> Iterator[Bench]:
    """A workspace with the campaign of the sample; one of so many subscribers without what the script cannot do."""
    folder = HOME / "var" / name
    folder.mkdir(parents=True, exist_ok=True)
    campaign_file = folder / "lyh2026.yml"
    campaign = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text("utf-8"))
    terms = campaign["terms"][0]
    if subscribers is not None:
        terms = {section: terms[section] for section in ("effective_from", *_SCRIPTED)}
        terms["recharge"]["instalment_day"] = 1
        for offer in terms["trials"]["offers"]:
            offer["places"] = max(1, _TRIAL_PLACES[offer["code"]] * subscribers // 1_000_000)
        told = [each for each in terms["messages"]["templates"] if each["event"] in _SCRIPTED_EVENTS]
        terms["messages"]["templates"] = told
        campaign["terms"] = [terms]
    campaign_file.write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), "utf-8")
    campaigns = load_campaigns([campaign_file])
    workspace = Workspace(
        exchange=folder / "exchange",
        campaign_files=str(campaign_file),
        campaigns=campaigns,
        carrier=load_carrier(campaigns[0].carrier_file),
        story=False,
        server_dsn=os.environ.get("WAREHOUSE_DSN") or None,
    )
    with workspace.server() as server_dsn:
        yield Bench(workspace, server_dsn)


def _measure_big(bench: Bench, subscribers: int) -> None:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    say(f"{subscribers:,} subscribers; {os.cpu_count()} processors, load {load}; logs {bench.logs}")
    bench.recreate()
    bench.prepare_plain()
    days = (AFTER - FIRST).days + 1
    command = [sys.executable, "-c", _MAKE_FILES, str(bench.workspace.exchange / _LATER), str(subscribers), str(days)]
    made = bench.measure("make_files", [*command, *map(str, SNAPSHOTS.values())])
    say(f"files of {days} days made in {made.seconds:.0f} s, {made.process_mb} MB")
    for day in SNAPSHOTS:
        bench.deliver(day)
        pipeline, plain = bench.close(day), bench.close_plainly(day)
        files = bench.require_same(day)
        bench.answer(day)
        if day == PREPARED:
            seconds = (sum(step.seconds for step in run.values()) for run in (pipeline, plain))
            say("{} closed, not a part of the measure: pipeline {:.0f} s, script {:.0f} s".format(day, *seconds))
            continue
        _say_day(
            "The biggest day" if day == BIGGEST else "The day after it, with the notices of what arrived",
            pipeline,
            plain,
            _rows(bench, day),
        )
        say("  written, the same bytes by both: " + ", ".join(f"{name} {rows:,} ({n})" for name, n, rows in files))


def _rows(bench: Bench, day: date) -> dict[str, int]:
    """How many rows each step handled: loaded, booked in the ledger, sent."""
    with connect(bench.warehouse) as conn:
        (row,) = conn.execute(
            "select (select sum(rows_loaded) from raw.delivery where received_on = %(day)s)::bigint, "
            "(select count(*) from ledger.ledger_entries where booked_on = %(day)s), "
            "(select sum(rows) from outbox.file where business_date = %(day)s)::bigint",
            {"day": day},
        ).fetchall()
    loaded, booked, sent = row
    return {"ingest": loaded, "decide": booked, "release": sent, "deliver": sent}


def _say_day(title: str, pipeline: dict[str, Measured], plain: dict[str, Measured], rows: dict[str, int]) -> None:
    table: list[tuple[object, ...]] = []
    for step, measured in pipeline.items():
        script = plain.get(SCRIPT_STEPS.get(step, ""))
        table.append(
            (
                step,
                _tenths(measured.seconds),
                rows[step],
                round(rows[step] / measured.seconds),
                measured.process_mb,
                measured.postgres_mb,
                SCRIPT_STEPS.get(step),
                script and _tenths(script.seconds),
                script and script.postgres_mb,
                script and _hundredths(measured.seconds / script.seconds),
            )
        )
    ours, theirs = (sum(step.seconds for step in run.values()) for run in (pipeline, plain))
    table.append(
        (
            "whole day",
            _tenths(ours),
            rows["ingest"],
            round(rows["ingest"] / ours),
            max(step.process_mb for step in pipeline.values()),
            max((step.postgres_mb or 0 for step in pipeline.values()), default=0) or None,
            "whole day",
            _tenths(theirs),
            max((step.postgres_mb or 0 for step in plain.values()), default=0) or None,
            _hundredths(ours / theirs),
        )
    )
    say_table(
        title,
        (
            "step",
            "seconds",
            "rows",
            "rows/s",
            "Python MB",
            "PostgreSQL MB",
            "script",
            "seconds",
            "PostgreSQL MB",
            "ratio",
        ),
        table,
    )


def _measure_small(bench: Bench) -> None:
    """Close dates of the sample carrier: some in processes only, the last through Airflow's scheduler."""
    bench.recreate()
    workspace = bench.workspace
    carrier = SampleCarrier(workspace.exchange, campaign_starts_on=workspace.campaign.starts_on)
    days = [carrier.first_date + timedelta(days=number) for number in range(SMALL_DAYS)]
    for day in days[:-1]:
        carrier.deliver(day)
        steps = bench.close(day)
        carrier.answer(day)
    carrier.deliver(days[-1])
    pipeline = workspace.pipeline_environment(bench.warehouse)
    with Airflow(HOME, workspace.folder, bench.server_dsn, workspace.airflow_database, pipeline) as airflow:
        airflow.wait_until_ready()
        started = time.monotonic()
        run_id = airflow.api.trigger(days[-1])
        while (state := airflow.api.run_state(run_id)) not in {"success", "failed"}:
            airflow.check()
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - started
        tasks = airflow.api.task_states(run_id)
    if state != "success":
        raise BenchError(f"{days[-1]} failed under Airflow: see {workspace.folder / 'logs'}")
    alone, scheduled = _rows(bench, days[-2]), _rows(bench, days[-1])
    say_table(
        f"An ordinary day of a small carrier: {days[-2]} as processes, {days[-1]} through the scheduler",
        ("step", "rows", "seconds", "Python MB", "rows", "scheduled seconds"),
        [
            *(
                (
                    step,
                    alone[step],
                    _tenths(measured.seconds),
                    measured.process_mb,
                    scheduled[step],
                    _tenths(tasks[step][1] or 0),
                )
                for step, measured in steps.items()
            ),
            (
                "whole day",
                alone["ingest"],
                _tenths(sum(measured.seconds for measured in steps.values())),
                max(measured.process_mb for measured in steps.values()),
                scheduled["ingest"],
                _tenths(seconds),
            ),
        ],
    )


def _check_lines(out: Path, day: date) -> dict[str, str]:
    return {check.name: check.read_text() for check in out.glob(f"*/*_{day:%Y%m%d}_*.chk")}


def _tenths(number: float) -> Decimal:
    return Decimal(f"{number:.1f}")


def _hundredths(number: float) -> Decimal:
    return Decimal(f"{number:.2f}")


if __name__ == "__main__":
    sys.exit(main())
