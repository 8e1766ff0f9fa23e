"""docs/trials.md and docs/threats.md: every fault found from outside, and every defence, has a test that exists."""

from __future__ import annotations

import re

from tests.unit.docs.pages import named_tests, names_of_tests, tables

FAULTS = {
    *(f"A{number}" for number in range(1, 18)), "A3b",
    *(f"B{number}" for number in range(1, 11)),
    *(f"C{number}" for number in range(1, 8)),
    *(f"D{number}" for number in range(1, 15)),
    "E", "F",
}  # fmt: skip


def test_every_fault_has_a_test_that_exists() -> None:
    rows = [row for section in tables("trials.md").values() for row in section]
    told = {re.split(r"[ ,]", row[0])[0] for row in rows}
    assert told == FAULTS
    for row in rows:
        named = named_tests(row[-1])
        assert named, f"{row[0]}: names no test"
        for path, name in named:
            assert name in names_of_tests(path), f"{row[0]}: {path} has no {name}"


def test_every_fault_says_when_its_test_goes_red() -> None:
    """What was switched off to see it fail; or, in plain words, that nobody has seen it yet."""
    for row in (row for section in tables("trials.md").values() for row in section):
        assert len(row) == 4, f"{row[0]}: expected fault, what was changed, goes red when, tests"
        assert row[2], f"{row[0]}: expected what was switched off to see its test fail, or 'not seen red yet'"


def test_every_defence_has_a_test_that_exists() -> None:
    rows = tables("threats.md")["Who could want what"]
    assert len(rows) > 10
    for row in rows:
        named = named_tests(row[-1])
        assert named, f"{row[0]}: {row[1]}: names no test"
        for path, name in named:
            assert name in names_of_tests(path), f"{row[1]}: {path} has no {name}"
