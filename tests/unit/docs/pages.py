"""What the tests of the docs share: the tables of a page, and the tests that its rows name."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_TEST = re.compile(r"\]\(([^)\s]+\.py)\)::(\w+)")


def tables(page: str) -> dict[str, list[list[str]]]:
    """The rows of each section's table, without its head."""
    sections = re.split(r"^## (.+)$", (DOCS / page).read_text("utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
        ]
        found[title] = rows[2:]
    return found


def named_tests(cell: str) -> list[tuple[str, str]]:
    """The tests that a cell names as `[test_x](../tests/test_x.py)::test_that`: path from `docs/`, and name."""
    return _TEST.findall(cell)


@cache
def names_of_tests(path: str) -> frozenset[str]:
    """The tests of a module, by its path from `docs/`."""
    tree = ast.parse((DOCS / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
