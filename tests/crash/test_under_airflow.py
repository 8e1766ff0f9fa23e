"""Under Airflow itself: a machine that dies in a task, and tasks of finished days cleared in any order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from random import Random

import psutil
import pytest
from tests.crash.attempt import STEPS
from tests.crash.servers import HOME
from tests.crash.story import DATES, Reference, World

from laoyouhui_local.airflow import Airflow
from laoyouhui_local.api import DAG_ID

FIRST, SECOND = 3, 4  # of the story's dates: the first instalments, and the notices of their arrival
_SECONDS = 300


class Scheduled:
    """A world whose dates Airflow closes."""

    def __init__(self, reference: Reference, world: World) -> None:
        self.world = world
        self._server = reference.server
        self.airflow = Airflow(
            HOME,
            world.folder,
            reference.server.dsn(),
            f"{world.database}_airflow",
            {
                "LAOYOUHUI_EXCHANGE": str(world.exchange),
                "LAOYOUHUI_CAMPAIGN": str(world.settings.campaign_files[0]),
                "LAOYOUHUI_WORK": str(world.work),
                "LAOYOUHUI_TODAY": "any",  # the story skips dates
                "WAREHOUSE_DSN": world.settings.warehouse_dsn,
            },
        )

    def close(self, day: date) -> None:
        """Run a date's DAG run and wait for its success."""
        self.wait(self.airflow.api.trigger(day))

    def clear(self, day: date, *tasks: str) -> None:
        """Clear these tasks of a date's run, and nothing else, as a person does on Airflow's page."""
        answer = self.airflow.api._client.post(
            f"/dags/{DAG_ID}/clearTaskInstances",
            json={
                "dry_run": False,
                "dag_run_id": f"close__{day}",
                "task_ids": list(tasks),
                "only_failed": False,
                "reset_dag_runs": True,
                "include_downstream": False,
            },
        )
        answer.raise_for_status()
        assert {task["task_id"] for task in answer.json()["task_instances"]} == set(tasks)

    def wait(self, run_id: str) -> None:
        """Wait until a run has succeeded."""
        deadline = time.monotonic() + _SECONDS
        while (state := self.airflow.api.run_state(run_id)) != "success":
            assert state != "failed", list(self.airflow.task_errors(run_id))
            assert time.monotonic() < deadline, self.airflow.api.task_states(run_id)
            self.airflow.check()
            time.sleep(0.2)

    def die_in(self, day: date, task: str) -> None:
        """Begin a date, and kill Airflow's services, their tasks and PostgreSQL in the middle of one of its tasks."""
        run_id = self.airflow.api.trigger(day)
        deadline = time.monotonic() + _SECONDS
        while self.airflow.api.task_states(run_id)[task][0] != "running":
            assert time.monotonic() < deadline, self.airflow.api.task_states(run_id)
            time.sleep(0.1)
        time.sleep(2)
        services = [psutil.Process(process.pid) for process in self.airflow._processes.values()]
        for process in [child for one in services for child in one.children(recursive=True)] + services:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.kill()
        self.airflow.stop()
        self._server.start()
        self.airflow.start()
        self.airflow.wait_until_ready()


@contextmanager
def scheduled(reference: Reference, number: int) -> Iterator[Scheduled]:
    """Airflow over a world that stands before the story's n-th date."""
    story = Scheduled(reference, reference.begin(number))
    with story.airflow:
        story.airflow.wait_until_ready()
        yield story


@pytest.mark.timeout(1800)
def test_killed_in_a_task_and_cleared_in_any_order_nothing_changes(reference: Reference) -> None:
    first, second = DATES[FIRST], DATES[SECOND]
    with scheduled(reference, FIRST) as story:
        story.close(first)
        assert reference.differences(FIRST, story.world) == []
        story.world.answer(FIRST)
        story.world.deliver(SECOND)
        story.die_in(second, "decide")
        story.close(second)
        assert reference.differences(SECOND, story.world) == []

        tasks = [(day, task) for day in (first, second) for task in STEPS]
        Random(8).shuffle(tasks)  # noqa: S311 - to be repeated, no secret
        kept = reference.truths[SECOND].kept()
        for day, task in tasks:
            story.clear(day, task)
            story.wait(f"close__{day}")
            assert kept.differences(story.world.truth().kept()) == [], (day, task)
        for day in (second, first):
            story.clear(day, *STEPS)
        for day in (first, second):
            story.wait(f"close__{day}")
        assert reference.differences(SECOND, story.world) == []
