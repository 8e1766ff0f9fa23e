"""The unit tests that stand beside the dbt models; they need the tables, not rows in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import dbt_environment


def test_dbt_unit_tests(built: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.cli.main import dbtRunner

    for name, value in dbt_environment(built).items():
        monkeypatch.setitem(os.environ, name, value)
    project = str(built.home / "dbt_project")
    folders = ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    result = dbtRunner().invoke(
        ["--quiet", "test", "--select", "test_type:unit", "--project-dir", project, "--profiles-dir", project, *folders]
    )

    assert result.exception is None
    outcomes = {
        run.node.name: (str(run.status), run.message)
        for run in result.result.results
        if run.node.resource_type == "unit_test"  # beside them stands the hook that makes tables
    }
    assert {name: outcome for name, outcome in outcomes.items() if outcome[0] != "pass"} == {}
    assert len(outcomes) >= 3
