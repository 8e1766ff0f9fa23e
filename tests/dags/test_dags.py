"""The DAGs parse, are exactly those that are meant, and hold their tasks in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAGS = {
    "close_day": ["ingest", "decide", "release", "deliver"],
    "close_campaign": ["report", "archive"],
    "watch": ["watch"],
}

pytestmark = pytest.mark.disable_socket


def read_dags(folder: Path):
    """Parse a folder as Airflow does; fail on import errors and on any other set of DAGs than is meant."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(folder))
    assert not bag.import_errors, bag.import_errors
    assert set(bag.dags) == set(DAGS)
    return bag.dags


@pytest.fixture
def on_schedule(monkeypatch):
    monkeypatch.delenv("LAOYOUHUI_SCHEDULE", raising=False)
    return read_dags(ROOT / "dags")["close_day"]


@pytest.fixture
def by_hand(monkeypatch):
    monkeypatch.setenv("LAOYOUHUI_SCHEDULE", "")
    return read_dags(ROOT / "dags")["close_day"]


def test_an_empty_folder_is_noticed(tmp_path):
    with pytest.raises(AssertionError):
        read_dags(tmp_path)


def test_a_broken_file_is_noticed(tmp_path):
    (tmp_path / "close_day.py").write_text("from airflow.sdk import dag\nraise RuntimeError('broken')\n")
    with pytest.raises(AssertionError, match="broken"):
        read_dags(tmp_path)


def test_tasks_run_one_after_another(on_schedule):
    tasks = DAGS["close_day"]
    assert [task.task_id for task in on_schedule.topological_sort()] == tasks
    for before, after in pairwise(tasks):
        assert after in on_schedule.get_task(before).downstream_task_ids


def test_a_date_waits_for_the_whole_date_before(on_schedule):
    assert on_schedule.catchup
    assert all(task.depends_on_past for task in on_schedule.tasks)
    first = on_schedule.get_task("ingest")
    assert first.wait_for_downstream
    assert first.downstream_task_ids == {"decide", "release", "deliver"}


def test_a_failed_date_can_begin_again_whatever_waits_for_it(on_schedule, by_hand):
    assert on_schedule.max_active_runs > 460  # the dates of a campaign of 90 days with 12 instalments
    assert by_hand.max_active_runs == 1


def test_a_run_by_hand_names_its_date(on_schedule, by_hand):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="business_date"):
        by_hand.params.validate()
    by_hand.params["business_date"] = "2026-02-01"
    assert by_hand.params.validate() == {"business_date": "2026-02-01"}
    assert on_schedule.params.validate() == {"business_date": None}  # no run by hand: see test_tasks


def test_the_schedule_closes_yesterday_at_three_in_shanghai(on_schedule):
    from airflow.sdk import CronDataIntervalTimetable

    assert isinstance(on_schedule.timetable, CronDataIntervalTimetable)
    assert on_schedule.timetable.expression == "0 3 * * *"
    assert str(on_schedule.timetable.timezone) == "Asia/Shanghai"
    assert on_schedule.start_date == datetime(2026, 1, 24, 16, tzinfo=UTC)


def test_without_a_schedule_it_runs_by_hand_only(by_hand):
    assert by_hand.schedule is None
    assert not by_hand.catchup
    assert not any(task.depends_on_past for task in by_hand.tasks)


def test_what_waiting_may_cure_is_tried_again(on_schedule):
    # what a person has to mend, such as a failed gate, ends a task at once: see test_tasks
    retries = {task.task_id: task.retries for task in on_schedule.tasks}
    assert retries == {"ingest": 2, "decide": 2, "release": 2, "deliver": 2}
    assert on_schedule.get_task("deliver").retry_delay == timedelta(seconds=30)


def test_delivery_is_announced_as_an_asset(on_schedule):
    assert [asset.name for asset in on_schedule.get_task("deliver").outlets] == ["grants_delivered"]


def test_the_dags_and_their_tasks_are_documented():
    for dag in read_dags(ROOT / "dags").values():
        assert dag.doc_md
        assert all(task.python_callable.__doc__ for task in dag.tasks)


def test_a_task_that_is_given_up_raises_an_alert():
    for dag_id, dag in read_dags(ROOT / "dags").items():
        assert [task.task_id for task in dag.topological_sort()] == DAGS[dag_id]
        for task in dag.tasks:
            assert [callback.__name__ for callback in task.on_failure_callback] == ["alert_failure"]


def test_watch_looks_beside_the_runs(monkeypatch):
    monkeypatch.delenv("LAOYOUHUI_WATCH_SCHEDULE", raising=False)
    watch = read_dags(ROOT / "dags")["watch"]
    assert watch.timetable.expression == "*/15 * * * *"
    assert not watch.catchup  # what was missed is not looked at later: a look is as of now
    assert watch.max_active_runs == 1
    monkeypatch.setenv("LAOYOUHUI_WATCH_SCHEDULE", "")
    assert read_dags(ROOT / "dags")["watch"].schedule is None


def test_a_campaign_is_closed_by_hand_report_then_archive():
    closing = read_dags(ROOT / "dags")["close_campaign"]
    assert closing.schedule is None
    assert closing.max_active_runs == 1  # the archive takes the report that stands
    assert closing.get_task("report").downstream_task_ids == {"archive"}


def test_airflow_takes_no_file_of_ours_for_a_plugin() -> None:
    """It would run each as a module of its bare name: `airflow.py` in the place of Airflow."""
    from airflow._shared.module_loading import find_path_from_directory

    folder = Path(__file__).parents[2] / "plugins"
    assert list(find_path_from_directory(str(folder), ".airflowignore", "glob")) == []
    assert sorted(each.name for each in folder.iterdir()) == [".airflowignore", "laoyouhui", "laoyouhui_local"]
