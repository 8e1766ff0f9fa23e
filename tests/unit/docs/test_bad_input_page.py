"""docs/bad-input.md: each test that it names is there, and each reason that the code can give is on it."""

from __future__ import annotations

from typing import get_args

from tests.unit.docs.pages import DOCS, named_tests, names_of_tests, tables

from laoyouhui.feeds.lines import Reason
from laoyouhui.feeds.scan import FileReason
from laoyouhui.pipeline.waiting import WaitingReason

PAGE = "bad-input.md"


def test_every_bad_input_has_a_test_that_exists() -> None:
    for section in ("Files", "Rows", "Answers"):
        rows = tables(PAGE)[section]
        assert rows
        for row in rows:
            named = named_tests(row[-1])
            assert named, f"{section}: {row[0]}: names no test"
            for path, name in named:
                assert name in names_of_tests(path), f"{section}: {row[0]}: {path} has no {name}"


def test_every_reason_is_on_the_page() -> None:
    page = (DOCS / PAGE).read_text("utf-8")
    reasons = {*get_args(Reason), *get_args(FileReason), *get_args(WaitingReason)}
    assert reasons
    assert sorted(reason for reason in reasons if f"`{reason}`" not in page) == []
