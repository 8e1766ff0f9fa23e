"""dbt builds each day, or its statements are run again: the same ledger, bytes, and artifacts that dbt reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.campaign.harness import Day, Play, Story, people, recharges, subscribers, terms
from tests.project import copy_dbt_project

from laoyouhui.pipeline.artifacts import artifacts_folder

WHO = people("S-A 01\nS-B 02")
STORY = Story(
    "both ways",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", proves="set-up: two subscribers are in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260126",
            proves="set-up: a recharge is granted with a make-good",
            arrives=[subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 20000 APP")],
        ),
        Day(
            "20260127",
            proves="set-up: a recharge is granted with a bonus",
            arrives=[subscribers(WHO), recharges("R-2 S-B 20260127100000 30000 28000 APP")],
        ),
        Day(
            "20260128",
            proves="set-up: the first recharge is reversed",
            arrives=[subscribers(WHO), recharges("V-1 S-A 20260128100000 reverses R-1 20000")],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)


def _read_by_dbt(play: Play, day: Day) -> dict[str, tuple[str, int | None]]:
    """Status and rows of each model and test, as dbt's own classes read the artifacts of a run."""
    closes = date(int(day.closes[:4]), int(day.closes[4:6]), int(day.closes[6:]))
    folder = artifacts_folder(play.settings.work, closes, 1)
    from dbt.artifacts.schemas.manifest import WritableManifest
    from dbt.artifacts.schemas.run import RunResultsArtifact

    manifest = WritableManifest.read_and_check_versions(str(folder / "manifest.json"))
    results = RunResultsArtifact.read_and_check_versions(str(folder / "run_results.json"))
    ran = [each for each in results.results if not each.unique_id.startswith("operation.")]  # a hook makes tables
    assert all(each.unique_id in {**manifest.nodes, **manifest.functions} for each in ran)
    database = play.settings.warehouse_dsn.rpartition("/")[2]
    assert {node.database for node in manifest.nodes.values()} == {database}
    code = "".join(each.compiled_code for each in ran)
    assert set(re.findall(r'"([^"]+)"\."[^"]+"\."[^"]+"', code)) == {database}
    assert all(each.execution_time > 0 for each in ran)
    return {each.unique_id: (str(each.status), each.adapter_response.get("rows_affected")) for each in ran}


def test_dbt_each_day_decides_what_its_statements_decide(new_play: Callable[[Story], Play]) -> None:
    again, built = new_play(STORY), new_play(STORY)
    built.settings = replace(built.settings, decides_with="dbt")
    again.reach(STORY.days[-1])
    built.reach(STORY.days[-1])
    assert len(again.ledger()) > 5
    assert again.ledger() == built.ledger()
    assert again.carrier.out_bytes() == built.carrier.out_bytes()

    for day in STORY.days:
        told, told_by_dbt = _read_by_dbt(again, day), _read_by_dbt(built, day)
        filled = {name for name, (_, rows) in told.items() if rows is not None}
        assert len(filled) > 50
        assert {name: told[name] for name in filled} == {name: told_by_dbt[name] for name in filled}
        tests = {name: status for name, (status, _) in told.items() if name.startswith("test.")}
        assert len(tests) > 30
        assert tests == {name: told_by_dbt[name][0] for name in tests}
        assert set(tests.values()) == {"pass"}
    assert told["model.laoyouhui.recharge_decisions"] == ("success", 0)  # a reversal is no recharge


INCREMENTAL = """{{ config(materialized='incremental', schema='mine') }}
select business_date from {{ ref('stg_run__current') }}
{% if is_incremental() %}
where business_date > (select max(seen.business_date) from {{ this }} as seen)
{% endif %}
"""


def test_a_project_with_dbts_own_incremental_is_built_every_day(
    new_play: Callable[[Story], Play], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = copy_dbt_project(tmp_path / "project")
    (project / "dbt_project" / "models" / "mine").mkdir()
    (project / "dbt_project" / "models" / "mine" / "dates_seen.sql").write_text(INCREMENTAL, "utf-8")
    play = new_play(STORY)
    play.settings = replace(play.settings, home=project)
    play.reach(STORY.days[2])
    assert play.query("select business_date::text from mine.dates_seen order by 1") == [
        ("2026-01-25",),
        ("2026-01-26",),
        ("2026-01-27",),
    ]
    assert "models/mine/dates_seen.sql is materialized as incremental: dbt builds every day" in caplog.text
    assert len(play.ledger()) > 3
