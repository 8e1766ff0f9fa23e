"""Each day of a story is named after the rule that it proves, so that a failure reads as one, not as a date."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.campaign.harness import Day

STORIES = Path(__file__).parents[1] / "campaign"
# the numbered parts of each section of the rules; a section without numbers is named as a whole
RULES = {1: 9, 2: 0, 3: 0, 4: 10, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0, 10: 6, 11: 0, 12: 0, 13: 5, 14: 6, 15: 0}
LAWS = 15  # of the design
INTERFACE = ("common form", "from the carrier", "to the carrier", "answers")  # the headings of the carrier's interface
# what pytest would escape in a test's name, or a shell or another tool read otherwise, is not in it
SENTENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ ,.'-]*[A-Za-z0-9]")
LONGEST = 100


def test_each_day_of_each_story_says_what_it_proves() -> None:
    stories = {path.name: path.read_text("utf-8") for path in sorted(STORIES.glob("test_*.py"))}
    assert sum(text.count("Day(") for text in stories.values()) > 200
    assert {name: wrong for name, text in stories.items() if (wrong := list(_wrong(text)))} == {}


@pytest.mark.parametrize(
    ("day", "wrong"),
    [
        ('Day("20260203", proves="rules 4.8: a reversal frees the month\'s slot")', ""),
        ('Day("20260203", proves="rules 2, 4.10: a chosen row is judged by its own day")', ""),
        ('Day("20260203", proves="interface, answers: a file that is BAD comes again")', ""),
        ('Day("20260203", proves="design 8: a failed gate leaves the day before as it stands")', ""),
        ('Day("20260203", proves="set-up: everybody is in the snapshot")', ""),
        ('Day("20260203")', "says nothing"),
        ('Day("20260203", proves="")', "says nothing"),
        ('Day("20260203", proves=NAMED_ELSEWHERE)', "says nothing"),
        ('Day("20260203", proves="a reversal frees the slot")', "names no rule"),
        ('Day("20260203", proves="Rule 4.8: a reversal frees the slot")', "names no rule"),
        ('Day("20260203", proves="rules 4.11: a reversal frees the slot")', "there is no rules 4.11"),
        ('Day("20260203", proves="rules 4.8, 5.1: a reversal frees the slot")', "there is no rules 5.1"),
        ('Day("20260203", proves="rules 16: a reversal frees the slot")', "there is no rules 16"),
        ('Day("20260203", proves="rules 1.0: a reversal frees the slot")', "there is no rules 1.0"),
        ('Day("20260203", proves="design 16: the tests are named")', "there is no design 16"),
        ('Day("20260203", proves="interface 3: a file comes again")', "names no rule"),
        ('Day("20260203", proves="interface, form: a file comes again")', "there is no interface, form"),
        ('Day("20260203", proves="rules 4.8:")', "names no rule"),
        ('Day("20260203", proves="rules 4.8: a reversal [in full] frees the slot")', "no plain sentence"),
        ('Day("20260203", proves="rules 4.8: 冲正")', "no plain sentence"),
        ('Day("20260203", proves="rules 4.8: a reversal frees the slot.")', "no plain sentence"),
        (f'Day("20260203", proves="rules 4.8: {"a" * 90}")', "longer than 100"),
        ('Day("20260203", proves="set-up: one"), Day("20260204", proves="set-up: one")', "names two days"),
    ],
)
def test_a_day_that_names_no_rule_is_refused(day: str, wrong: str) -> None:
    found = list(_wrong(f"STORY = [{day}]"))
    assert [wrong in each for each in found] == ([True] if wrong else [])


def test_a_day_is_called_by_what_it_proves_and_else_by_its_date() -> None:
    assert str(Day("20260203", proves="set-up: everybody is in the snapshot")) == "set-up: everybody is in the snapshot"
    assert str(Day("20260203", (), {}, None, {}, {}, {}, ())) == "20260203"  # as stories were written before


def _wrong(text: str) -> Iterator[str]:
    days = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Day"
    ]
    names = [_name(day) for day in days]
    for day, name in zip(days, names, strict=True):
        if why := _fault(name):
            yield f"line {day.lineno}: {name!r} {why}"
    for name, times in Counter(filter(None, names)).items():
        if times > 1:
            yield f"{name!r} names two days of one file"


def _name(day: ast.Call) -> str:
    given = [each.value for each in day.keywords if each.arg == "proves"]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def _fault(name: str) -> str:
    if not name:
        return "says nothing"
    if not (parts := re.fullmatch(r"(set-up|rules [0-9., ]+|design [0-9]+|interface, [a-z ]+): (.+)", name)):
        return "names no rule"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not SENTENCE.fullmatch(parts[2]):
        return "is no plain sentence"
    missing = [each for each in _references(parts[1]) if not _exists(each)]
    return f"there is no {missing[0]}" if missing else ""


def _references(text: str) -> list[str]:
    """`rules 2, 4.10` names two."""
    kind, _, numbers = text.partition(" ")
    return [f"{kind} {number}" for number in numbers.split(", ")] if kind == "rules" else [text]


def _exists(reference: str) -> bool:
    kind, _, which = reference.partition(" ")
    if kind == "rules" and (number := re.fullmatch(r"(\d+)(?:\.(\d+))?", which)):
        section, part = int(number[1]), number[2]
        return section in RULES and (part is None or 1 <= int(part) <= RULES[section])
    if kind == "design":
        return 1 <= int(which) <= LAWS
    return reference == "set-up" or which in INTERFACE
