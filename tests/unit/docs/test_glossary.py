"""The glossary: one line a term, and each name that it gives stands in the project."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.docs.pages import tables

ROOT = Path(__file__).parents[3]
TERMS = [row for title, rows in tables("glossary.md").items() for row in rows]
_SOURCES = ("dbt_project/**/*.sql", "dbt_project/**/*.yml", "plugins/laoyouhui/**/*.sql", "plugins/laoyouhui/**/*.py")


@pytest.fixture(scope="module")
def code() -> str:
    files = [path for pattern in _SOURCES for path in ROOT.glob(pattern) if "/target/" not in str(path)]
    assert len(files) > 300
    makefile = re.sub(r"(?m)^([a-z]+):.*## (.*)$", r"make \1 \2", (ROOT / "Makefile").read_text("utf-8"))
    return "\n".join(path.read_text("utf-8") for path in files) + makefile


def test_each_term_has_its_chinese_its_meaning_and_its_place() -> None:
    assert len(TERMS) > 100
    for term, chinese, meaning, where in TERMS:
        assert term, where
        assert re.search(r"[\u4e00-\u9fff]", chinese), f"{term}: no Chinese"
        assert meaning.endswith("."), f"{term}: the meaning is one sentence"
        assert re.search(r"`[^`]+`|\]\(", where), f"{term}: where does it stand?"


def test_no_term_and_no_chinese_term_means_two_things() -> None:
    for column in (0, 1):
        names = Counter(name.strip() for row in TERMS for name in re.split("[,、]", row[column]))
        assert [name for name, count in names.items() if count > 1] == []


def test_each_name_stands_in_the_project(code: str) -> None:
    """A relation, a column or a command that the glossary names is there: a rename takes the glossary along."""
    missing = []
    for term, _, _, where in TERMS:
        for name in re.findall(r"`([^`]+)`", where):
            bare = (
                name.split(".")[-1]
                if re.fullmatch(r"[a-z]+\.[a-z_]+", name)
                else name.replace("make run STORY=long", "make run")
            )
            if not re.search(rf"(?<![A-Za-z0-9_]){re.escape(bare)}(?![A-Za-z0-9_])", code):
                missing.append(f"{term}: {name}")
    assert missing == []
