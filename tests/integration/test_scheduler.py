"""Under Airflow's own scheduler, with catch-up: dates that fail, dates that wait for them, and clicks on the page.

Four dates up to yesterday are closed on the schedule. The second one's snapshot holds 10 of 120 subscribers, which the
gate refuses; it is mended as docs/for-data-engineers.md says, and the dates that waited for it close without a word.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from tests.campaign.harness import HOME, Carrier, Story, people, settings, subscribers, terms
from tests.template import TEMPLATE

from laoyouhui_local.airflow import Airflow
from laoyouhui_local.api import DAG_ID
from laoyouhui_local.server import EmbeddedPostgres

# the last date whose run is due: it is made at 03:00 of the day after
LAST = (datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=3)).date() - timedelta(days=1)
DATES = [LAST - timedelta(days=3), LAST - timedelta(days=2), LAST - timedelta(days=1), LAST]
EVERYBODY = people("\n".join(f"S-{n:03} {n % 100:02} msisdn=13000001{n:03} customer_id=C{n:03}" for n in range(120)))
_SECONDS = 400


class Scheduled:
    """A warehouse that Airflow closes on the schedule from the first date on, and the carrier's exchange."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        story = Story("on the schedule", terms(str(DATES[0] + timedelta(days=1)), str(LAST + timedelta(days=30))), ())
        self.dsn = server.create_database("scheduled", TEMPLATE)
        pipeline = settings(story, folder, self.dsn)
        self.carrier = Carrier(folder / "exchange")
        self.airflow = Airflow(
            HOME,
            folder,
            server.dsn(),
            "scheduled_airflow",
            {
                "LAOYOUHUI_EXCHANGE": pipeline.exchange,
                "LAOYOUHUI_CAMPAIGN": str(pipeline.campaign_files[0]),
                "LAOYOUHUI_WORK": str(pipeline.work),
                "LAOYOUHUI_SCHEDULE": "0 3 * * *",
                "LAOYOUHUI_FIRST_DATE": str(DATES[0]),
                "WAREHOUSE_DSN": self.dsn,
            },
        )

    def deliver(self, day: date, who: dict[str, dict[str, str]], *, seq: int = 1) -> None:
        self.carrier.deliver(subscribers(who, seq=seq), f"{day:%Y%m%d}")

    def runs(self) -> dict[date, tuple[str, str]]:
        """The scheduled runs by the date that they close: id and state."""
        found = self.airflow.api._get(f"/dags/{DAG_ID}/dagRuns?limit=100")["dag_runs"]
        return {
            datetime.fromisoformat(run["data_interval_start"]).astimezone(ZoneInfo("Asia/Shanghai")).date(): (
                run["dag_run_id"],
                run["state"],
            )
            for run in found
            if run["run_type"] == "scheduled"
        }

    def tasks(self, day: date) -> dict[str, str | None]:
        states = self.airflow.api.task_states(self.runs()[day][0])
        return {task: state for task, (state, _) in states.items()}

    def clear(self, day: date, first: str) -> None:
        """Clear a task and those after it, as a person does on Airflow's page."""
        answer = self.airflow.api._client.post(
            f"/dags/{DAG_ID}/clearTaskInstances",
            json={
                "dry_run": False,
                "dag_run_id": self.runs()[day][0],
                "task_ids": [first],
                "only_failed": False,
                "reset_dag_runs": True,
                "include_downstream": True,
            },
        )
        answer.raise_for_status()

    def trigger(self, **conf: str) -> str:
        """Click on "Trigger": a run by hand, with the moment of the click as its logical date."""
        now = datetime.now(ZoneInfo("Asia/Shanghai"))
        answer = self.airflow.api._client.post(
            f"/dags/{DAG_ID}/dagRuns", json={"logical_date": now.isoformat(), "conf": conf}
        )
        run_id: str = answer.raise_for_status().json()["dag_run_id"]
        return run_id

    def state_at_end(self, run_id: str) -> str | None:
        self.wait(lambda: self.airflow.api.run_state(run_id) in {"success", "failed"}, run_id)
        return self.airflow.api.run_state(run_id)

    def why(self, run_id: str) -> str:
        return "\n".join(reason for _, _, reason in self.airflow.task_errors(run_id))

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"{what}: {self.runs()}"
            self.airflow.check()
            time.sleep(0.5)

    def closed(self) -> list[date]:
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute(
                "select business_date from raw.run where delivered_at is not null order by business_date"
            ).fetchall()
        return [row[0] for row in rows]

    def begun(self) -> list[date]:
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute("select business_date from raw.run order by business_date").fetchall()
        return [row[0] for row in rows]


@contextmanager
def scheduled(postgres: EmbeddedPostgres, folder: Path) -> Iterator[Scheduled]:
    folder.mkdir(exist_ok=True)
    story = Scheduled(postgres, folder)
    for day in DATES:
        story.deliver(day, EVERYBODY)
    story.deliver(DATES[1], dict(list(EVERYBODY.items())[:10]), seq=2)
    with story.airflow:
        story.airflow.wait_until_ready()
        yield story


@pytest.mark.timeout(1800)
def test_a_date_that_failed_is_mended_and_cleared_and_those_that_waited_close(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with scheduled(postgres, tmp_path / "schedule") as story:
        story.wait(lambda: len(story.runs()) == len(DATES), "every date has its run")
        story.wait(lambda: story.runs()[DATES[1]][1] == "failed", "the gate refuses the second date")
        story.wait(lambda: story.runs()[DATES[3]][1] == "running", "later dates wait")
        assert story.closed() == DATES[:1]
        assert story.tasks(DATES[1]) == {
            "ingest": "success",
            "decide": "success",
            "release": "failed",
            "deliver": "upstream_failed",
        }
        assert set(story.tasks(DATES[2]).values()) == {None}

        story.deliver(DATES[1], EVERYBODY, seq=3)
        story.clear(DATES[1], "ingest")
        story.wait(lambda: all(state == "success" for _, state in story.runs().values()), "all dates close")
        assert story.closed() == DATES

        # beside the schedule, by hand
        nothing_said = story.trigger()
        assert story.state_at_end(nothing_said) == "failed"
        assert "trigger close_day with business_date" in story.why(nothing_said)
        future = story.trigger(business_date=str(LAST + timedelta(days=2)))
        assert story.state_at_end(future) == "failed"
        assert f"{LAST + timedelta(days=2)} is not closed" in story.why(future)
        assert story.begun() == DATES
        again = story.trigger(business_date=str(LAST))
        assert story.state_at_end(again) == "success"
        assert story.begun() == DATES
