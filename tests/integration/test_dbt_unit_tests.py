"""The unit tests that stand beside the dbt models; they need the tables, not rows in them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import dbt_environment, decide
from laoyouhui.pipeline.take_in import take_in

HOME = Path(__file__).parents[2]
EVE = date(2026, 1, 25)


def test_dbt_unit_tests(database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.cli.main import dbtRunner

    exchange = tmp_path / "exchange"
    exchange.mkdir()
    settings = Settings(HOME, str(exchange), (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", database_dsn)
    take_in(settings, EVE)
    decide(settings, EVE)

    for name, value in dbt_environment(settings).items():
        monkeypatch.setitem(os.environ, name, value)
    project = str(HOME / "dbt_project")
    folders = ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    result = dbtRunner().invoke(
        ["--quiet", "test", "--select", "test_type:unit", "--project-dir", project, "--profiles-dir", project, *folders]
    )

    assert result.exception is None
    outcomes = {run.node.name: (str(run.status), run.message) for run in result.result.results}
    assert {name: outcome for name, outcome in outcomes.items() if outcome[0] != "pass"} == {}
    assert len(outcomes) >= 10
