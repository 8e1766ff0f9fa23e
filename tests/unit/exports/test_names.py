"""File names and check lines of what leaves."""

from __future__ import annotations

from datetime import date

import pytest

from laoyouhui.config.carrier import CheckForm, Column, FileForm, Interface
from laoyouhui.exports.formatting import header_line
from laoyouhui.exports.names import Stem, check_line, control_total, file_stem, parse_stem

PLAIN = "{interface}_{campaign}_{date}_{seq}"


def _interface(pattern: str = PLAIN, unit: str | None = "fen") -> Interface:
    columns = [
        Column(name="grant_key", type="id", title="业务号"),
        *([Column(name="amount", type=unit)] if unit else []),
    ]
    return Interface(file_pattern=pattern, max_rows=3, control="amount" if unit else None, columns=tuple(columns))


@pytest.mark.parametrize("pattern", [PLAIN, "{date}-{seq}-{campaign}", "LYH_{campaign}_{interface}_{date}{seq}"])
def test_a_stem_is_read_as_it_was_formatted(pattern: str) -> None:
    interface = _interface(pattern)
    stem = file_stem("credit", interface, "lyh2026", date(2026, 2, 4), 12)
    assert parse_stem("credit", interface, stem) == Stem("lyh2026", date(2026, 2, 4), 12)


def test_the_default_stem() -> None:
    assert file_stem("credit", _interface(), "lyh2026", date(2026, 2, 4), 1) == "credit_lyh2026_20260204_0001"


@pytest.mark.parametrize(
    "stem",
    [
        "sms_lyh2026_20260204_0001",
        "credit_lyh2026_20260230_0001",
        "credit_lyh2026_20260204_1",
        "credit_lyh2026_20260204_0001_x",
        "credit_LYH_20260204_0001",
        "",
    ],
)
def test_other_names_are_not_ours(stem: str) -> None:
    assert parse_stem("credit", _interface(), stem) is None


@pytest.mark.parametrize(
    ("unit", "total", "spelled"),
    [("fen", 0, "0"), ("fen", -250, "-250"), ("yuan", 123450, "1234.50"), ("yuan", -5, "-0.05"), (None, 0, "")],
)
def test_the_control_total_is_in_the_columns_own_unit(unit: str | None, total: int, spelled: str) -> None:
    assert control_total(_interface(unit=unit), total) == spelled


def test_the_check_line_follows_the_profile() -> None:
    said = {"file": "a.txt", "size": 40, "rows": 2, "sha256": "ab", "control_total": "700"}
    form = CheckForm(suffix=".chk", delimiter="|", fields=("file", "bytes", "rows", "sha256", "control_total"))
    assert check_line(form, **said) == b"a.txt|40|2|ab|700\n"
    other = CheckForm(suffix=".md", delimiter=",", fields=("sha256", "rows", "bytes", "file"))
    assert check_line(other, **said) == b"ab,2,40,a.txt\n"


def test_a_header_stands_only_where_the_profile_has_one() -> None:
    form = FileForm(encoding="gbk", delimiter=",", header=True, suffix=".csv")
    assert header_line(_interface(), form) == "业务号,amount\n"
    assert header_line(_interface(), form.model_copy(update={"header": False})) == ""
