"""docs/bad-input.md: each test that it names is there, and each reason that the code can give is on it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

from laoyouhui.feeds.lines import Reason
from laoyouhui.feeds.scan import FileReason
from laoyouhui.pipeline.waiting import WaitingReason

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "bad-input.md"
_TEST = re.compile(r"\]\(([^)\s]+\.py)\)::(\w+)")


def _tables() -> dict[str, list[list[str]]]:
    """The rows of each section's table, without its head."""
    sections = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
        ]
        found[title] = rows[2:]
    return found


def test_every_bad_input_has_a_test_that_exists() -> None:
    for section in ("Files", "Rows", "Answers"):
        rows = _tables()[section]
        assert rows
        for row in rows:
            named = _TEST.search(row[-1])
            assert named, f"{section}: {row[0]}: names no test"
            tree = ast.parse((PAGE.parent / named[1]).read_text("utf-8"))
            tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert named[2] in tests, f"{section}: {row[0]}: {named[1]} has no {named[2]}"


def test_every_reason_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    reasons = {*get_args(Reason), *get_args(FileReason), *get_args(WaitingReason)}
    assert reasons
    assert sorted(reason for reason in reasons if f"`{reason}`" not in page) == []
