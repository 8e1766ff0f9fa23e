"""docs/coverage.md: every code of the plan is on it, and what it names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "coverage.md"
SYSTEMS = {"D": 10, "P": 5, "W": 3, "X": 5, "F": 3, "C": 3, "B": 8, "E": 4}  # the plan's, by letter
CODES = sorted(f"{letter}{number}" for letter, count in SYSTEMS.items() for number in range(1, count + 1))
_NAMED = re.compile(r"`([^`]+)`")
_RELATION = re.compile(r"(intermediate|ledger|exports|marts|watch)\.([a-z_]+)")


def test_every_code_of_the_plan_is_there_with_what_serves_it_and_what_proves_it() -> None:
    assert list(_wrong(PAGE.read_text("utf-8"))) == []


def test_what_is_missing_is_noticed() -> None:
    page = PAGE.read_text("utf-8")
    without_c3 = "\n".join(line for line in page.splitlines() if not line.startswith("| C3 |"))
    assert list(_wrong(without_c3)) == ["C3: expected one row, found 0"]
    strange = {
        "marts.recognition": "marts.rewards",
        "`data_grant`": "`data_gift`",
        "watch.alerts": "marts.alerts",
        "docs/runbook/FAULT_REPORTED.md": "docs/runbook/FAULT.md",
        "test_trials.py::test_rule": "test_trials.py::test_days",
        "test_devices.py": "test_phones.py",
    }
    for there, gone in strange.items():
        assert there in page
        assert list(_wrong(page.replace(there, gone))), gone
    a_row = next(line for line in page.splitlines() if line.startswith("| B8 |"))
    assert list(_wrong(page.replace(a_row, "| B8 | other | something | `tests/campaign/test_caps.py::test_rule` |")))
    assert list(_wrong(page.replace(a_row, "| B8 | other | `ledger.expenses` | by looking at it |")))


def _wrong(page: str) -> Iterator[str]:
    """What is wrong with a page of this form: a code that is missing, a thing that does not exist."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if re.match(r"\| [A-Z]\d+ \|", line)
    ]
    found = [row[0] for row in rows]
    for code in sorted({*CODES, *found}):
        if found.count(code) != (code in CODES):
            yield f"{code}: expected one row, found {found.count(code)}"
    for code, _, served, proved in rows:
        things, tests = _NAMED.findall(served), _NAMED.findall(proved)
        if not things or not tests:
            yield f"{code}: expected what serves it and a test"
        yield from (f"{code}: {name}: there is none" for name in things if not _exists(name))
        yield from (f"{code}: {name}: no such test" for name in tests if not _is_test(name))


@cache
def _exists(name: str) -> bool:
    """A relation by its schema, a file by its path, a feed or interface by its name alone."""
    if relation := _RELATION.fullmatch(name):
        folder = ROOT / "dbt_project" / "models" / relation[1]
        return any(path.stem == relation[2] for path in folder.rglob("*.sql"))
    if "/" in name:
        return (ROOT / name).is_file()
    carrier = yaml.safe_load((ROOT / "carriers" / "china_unicom.yml").read_text("utf-8"))
    return name in carrier["feeds"] or name in carrier["interfaces"]


@cache
def _is_test(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    if not test.startswith("test_") or not path.is_file() or not path.is_relative_to(ROOT / "tests"):
        return False
    return test in {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}
