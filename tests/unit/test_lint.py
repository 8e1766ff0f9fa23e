"""`make lint` and pre-commit run the same linters, and a hook downloads nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LINTERS = re.findall(r"^check ([a-z-]+) ", (ROOT / "scripts" / "lint").read_text("utf-8"), re.MULTILINE)


def test_each_linter_is_a_hook_that_runs_what_is_installed() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert [hook["id"] for hook in hooks] == LINTERS
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks] == [f"scripts/lint {name}" for name in LINTERS]


def test_one_linter_runs_over_the_files_that_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n", "utf-8")

    def lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [ROOT / "scripts" / "lint", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert lint("ruff", Path(__file__)).returncode == 0
    wrong = lint("ruff", bad)
    assert (wrong.returncode, "F401" in wrong.stdout, wrong.stderr) == (1, True, "failed: ruff\n")
    unknown = lint("rufff")
    assert unknown.returncode == 2
    assert "no linter is called rufff: expected one of ruff ruff-format mypy" in unknown.stderr
