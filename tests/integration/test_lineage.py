"""OpenLineage: Airflow closes two dates, dbt builds on the first and its statements run again on the second.

Each date's events are read back from a file transport. What they must say is written here by hand.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.campaign.harness import HOME, Carrier, Story, people, recharges, settings, subscribers, terms

from laoyouhui_local.airflow import Airflow
from laoyouhui_local.server import EmbeddedPostgres

FIRST, SECOND = date(2026, 1, 25), date(2026, 1, 26)
TASKS = ["ingest", "decide", "release", "deliver"]
WHO = people("S-A 01\nS-B 02")
_SECONDS = 400

Event = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """The events of each date, in the order of their times; `warehouse` and `exchange` as datasets are named."""

    events: dict[date, list[Event]]
    warehouse: str
    exchange: str

    def run(self, day: date, job: str) -> Event:
        """The one run of a job that ended well on a date."""
        (event,) = [each for each in self.events[day] if _job(each) == job and each.get("eventType") == "COMPLETE"]
        return event

    def inputs(self, event: Event) -> set[str]:
        return {self._short(each) for each in event["inputs"]}

    def outputs(self, event: Event) -> set[str]:
        return {self._short(each) for each in event["outputs"]}

    def _short(self, dataset: Event) -> str:
        return f"{dataset['namespace']} {dataset['name']}".removeprefix(self.warehouse).removeprefix(self.exchange)


def _job(event: Event) -> str:
    name: str = event["job"]["name"]
    return name


@pytest.fixture(scope="module")
def played(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Played:
    assert find_spec("airflow.providers.openlineage"), "not installed: scripts/bootstrap dev"
    folder = tmp_path_factory.mktemp("lineage")
    dsn = postgres.create_database("lineage")
    pipeline = settings(Story("lineage", terms("2026-01-26", "2026-02-28"), ()), folder, dsn)
    carrier = Carrier(folder / "exchange")
    airflow = Airflow(
        HOME,
        folder,
        postgres.dsn(),
        "lineage_airflow",
        {
            "LAOYOUHUI_EXCHANGE": pipeline.exchange,
            "LAOYOUHUI_CAMPAIGN": str(pipeline.campaign_files[0]),
            "LAOYOUHUI_WORK": str(pipeline.work),
            "LAOYOUHUI_TODAY": "any",
            "WAREHOUSE_DSN": dsn,
            "OPENLINEAGE__TRANSPORT__TYPE": "file",
            "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(folder / "events" / "event"),
            "OPENLINEAGE_NAMESPACE": "laoyouhui",
        },
    )
    (folder / "events").mkdir()
    found = {}
    with airflow:
        airflow.wait_until_ready()
        for day in (FIRST, SECOND):
            carrier.deliver(subscribers(WHO), f"{day:%Y%m%d}")
            carrier.deliver(recharges("R-1 S-A 20260126100000 20000 20000 APP"), f"{SECOND:%Y%m%d}")
            run_id = airflow.api.trigger(day)
            deadline = time.monotonic() + _SECONDS
            while airflow.api.run_state(run_id) not in {"success", "failed"} or not _is_whole(folder):
                assert time.monotonic() < deadline, (airflow.api.task_states(run_id), list(airflow.task_errors(run_id)))
                airflow.check()
                time.sleep(0.3)
            assert airflow.api.run_state(run_id) == "success", list(airflow.task_errors(run_id))
            files = sorted((folder / "events").iterdir())
            found[day] = [json.loads(file.read_text("utf-8")) for file in files]
            for file in files:
                file.unlink()
    host = dsn.partition("@")[2].partition("/")[0]
    return Played(found, f"postgres://{host} lineage.", f"file {folder}/exchange/")


def _is_whole(folder: Path) -> bool:
    """The scheduler tells of the end of the DAG run after it has ended."""
    try:
        events = [json.loads(file.read_text("utf-8")) for file in (folder / "events").iterdir()]
    except ValueError:  # half written
        return False
    return any(_job(each) == "close_day" and each.get("eventType") in ("COMPLETE", "FAIL") for each in events)


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=["built", "replayed"])
def test_each_task_says_what_it_read_and_wrote(played: Played, day: date) -> None:
    ingest = played.run(day, "close_day.ingest")
    assert {"in/subscriber", "raw.recharge"} & played.inputs(ingest) == {"in/subscriber"}
    assert {"raw.delivery", "raw.subscriber", "raw.current_run"} <= played.outputs(ingest)
    assert ("in/recharge" in played.inputs(ingest)) is (day == SECOND)
    assert ("raw.recharge" in played.outputs(ingest)) is (day == SECOND)
    assert any(name.endswith("lyh2026.yml") for name in played.inputs(ingest))

    decide = played.run(day, "close_day.decide")
    assert {"raw.recharge", "raw.current_run", "raw.campaign_terms", "outbox.item"} <= played.inputs(decide)
    assert {"ledger.recharge_decisions", "exports.export_data_grant"} <= played.outputs(decide)

    release = played.run(day, "close_day.release")
    assert {"exports.export_data_grant", "marts_candidate.budget_by_line_month"} <= played.inputs(release)
    assert {"outbox.item", "outbox.file", "marts.budget_by_line_month"} <= played.outputs(release)

    deliver = played.run(day, "close_day.deliver")
    assert {"outbox.item", "outbox.file"} <= played.inputs(deliver)
    left = {name for name in played.outputs(deliver) if name.startswith("out/")}
    assert left == ({"out/eligibility", "out/data_grant"} if day == FIRST else {"out/credit"})


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=["built", "replayed"])
def test_each_model_is_a_run_within_decide_with_its_rows(played: Played, day: date) -> None:
    decide = played.run(day, "close_day.decide")
    decisions = played.run(day, "lineage.ledger.laoyouhui.recharge_decisions.build.run")
    parent = decisions["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == decide["run"]["runId"]
    assert parent["job"]["name"] == "close_day.decide"
    assert parent["root"]["job"]["name"] == "close_day"
    # its rule is ephemeral: what the rule reads stands in its place
    assert played.inputs(decisions) == {
        "staging.stg_run__current",
        "staging.stg_campaign__terms",
        "staging.stg_campaign__recharge_tiers",
        "intermediate.int_request__judged",
        "intermediate.int_recharge__reversals",
        "ledger.request_placements",
    }
    assert played.outputs(decisions) == {"ledger.recharge_decisions"}
    rows = decisions["outputs"][0].get("outputFacets", {}).get("outputStatistics", {}).get("rowCount")
    assert rows == (1 if day == SECOND else None)
    # messages are united out of models that are no relations
    notices = played.run(day, "lineage.ledger.laoyouhui.messages.build.run")
    assert {"ledger.data_gift_decisions", "ledger.credit_obligations"} <= played.inputs(notices)
    assert not any(name.startswith("intermediate.int_message") for name in played.inputs(notices))

    tests = [each for each in played.events[day] if each["job"]["facets"].get("jobType", {}).get("jobType") == "TEST"]
    assert len({_job(each) for each in tests}) > 30
    assert {each["eventType"] for each in tests} == {"START", "COMPLETE"}


def test_a_view_that_stands_is_a_job_without_a_run(played: Played) -> None:
    name = "lineage.staging.laoyouhui.stg_recharge__events.build.run"
    built = [each for each in played.events[FIRST] if _job(each) == name]
    assert [each.get("eventType") for each in built] == ["START", "COMPLETE"]
    (standing,) = [each for each in played.events[SECOND] if _job(each) == name]
    assert "run" not in standing
    for event in (built[1], standing):
        assert "raw.recharge" in played.inputs(event)
        assert played.outputs(event) == {"staging.stg_recharge__events"}


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=["built", "replayed"])
def test_the_date_itself_is_told(played: Played, day: date) -> None:
    told = [(_job(each), each.get("eventType")) for each in played.events[day]]
    for job in ["close_day", *(f"close_day.{task}" for task in TASKS)]:
        assert [state for name, state in told if name == job] == ["START", "COMPLETE"]


def test_what_left_is_traced_to_what_came(played: Played) -> None:
    """On a day that ran no dbt, through every relation between."""
    read_by = defaultdict(set)
    for event in played.events[SECOND]:
        if _job(event) != "close_day.decide":  # which reads and writes everything
            for output in played.outputs(event):
                read_by[output] |= played.inputs(event)
    seen, todo = set(), ["out/credit"]
    while todo:
        dataset = todo.pop()
        if dataset not in seen:
            seen.add(dataset)
            todo += read_by[dataset]
    assert {"outbox.item", "exports.export_credit", "ledger.recharge_decisions", "raw.recharge", "in/recharge"} <= seen


def test_no_number_and_no_password_is_told(played: Played, postgres: EmbeddedPostgres) -> None:
    told = json.dumps(list(played.events.values()))
    password = postgres.dsn().partition("//")[2].partition("@")[0].partition(":")[2]
    assert len(password) > 10
    assert password not in told
    assert not any(one["msisdn"] in told for one in WHO.values())
