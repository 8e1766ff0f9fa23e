"""The report's own data, and how figures are spelled, laid out and kept."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from laoyouhui.reports.charts import png, svg
from laoyouhui.reports.document import document
from laoyouhui.reports.page import page
from laoyouhui.reports.report import keep
from laoyouhui.reports.snapshot import ReportError, rules_version
from laoyouhui.reports.summary import Chart, Section, Summary, Table, form, sources, spell

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "dbt_project" / "models"
TABLES = [table for section in form()["sections"] for table in section["tables"]]

pytestmark = pytest.mark.disable_socket


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table["title"])
def test_each_table_reads_what_is_released_and_nothing_else(table: dict[str, str]) -> None:
    query = table["query"]
    named = set(re.findall(r"^(?:with )?(\w+) as \($", query, re.MULTILINE))
    read = set(re.findall(r"\b(?:from|join)\s+([\w.]+)", query)) - named
    assert read
    assert read == set(sources(query))
    for relation in read:
        schema, _, name = relation.partition(".")
        assert any((MODELS / schema).rglob(f"{name}.sql")), f"{relation}: no such model"


def test_every_chapter_of_the_rules_is_there() -> None:
    titles = {section["title"] for section in form()["sections"]}
    assert titles >= {
        "目标与结果", "参与漏斗", "分月返还负债", "活动效果", "咨询与投诉", "故障与事件", "数据质量",
        "启动准备", "宣传", "物资与卡券", "表彰",
    }  # fmt: skip
    assert form()["lessons"]


def test_what_is_found_wrong_has_a_chinese_name() -> None:
    parts = MODELS / "marts" / "operations" / "exception_rows"
    found = {
        code
        for path in parts.glob("*.sql")
        for code in re.findall(r"(?<!\|\| )'(\w+)' as exception_type", path.read_text())
    }
    alerts = (MODELS / "watch" / "alerts.sql").read_text()
    found |= set(re.findall(r"^    \('([A-Z_]+)', '(?:critical|warning)'", alerts, re.MULTILINE))
    assert len(found) > 30
    assert found - set(form()["words"]) == set()


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("plan_fen", 123456789, "1,234,567.89"),
        ("variance_fen", -5, "-0.05"),
        ("closing_fen", 0, "0.00"),
        ("errors_bp", 3333, "33.33 %"),
        ("satisfaction_hundredths", 400, "4.00"),
        ("orders", 12000, "12,000"),
        ("orders", Decimal(7), "7"),
        ("plan_fen", None, "—"),
        ("is_ready", False, "否"),
        ("started_at", datetime(2026, 2, 1, 6, 30, 59, tzinfo=UTC), "2026-02-01 06:30"),
        ("month", date(2026, 2, 1), "2026-02-01"),
        ("reason", "TENURE", "在网年限不足（TENURE）"),
        ("cause", "SFTP: \x1b[31mlost", "SFTP: �[31mlost"),
    ],
)
def test_spelling(column: str, value: object, text: str) -> None:
    assert spell(column, value) == text


CHART = Chart(("B1", "B2"), {"plan_fen": (1000, 2000), "actual_fen": (500, -100)})


def summary(cell: str = "a < b & c") -> Summary:
    table = Table(
        1,
        "一张表",
        "注",
        ("科目", "金额"),
        (False, True),
        ((cell, "1.00"),),
        CHART,
        "select 1 where 1 < 2",
        ("marts.x",),
    )
    empty = Table(2, "空表", "", ("科目",), (False,), (), None, "select 2", ("marts.y",))
    return Summary(
        "总结报告",
        "老友惠",
        date(2026, 4, 30),
        (("活动", "老友惠"),),
        (Section("结果", "", (table, empty)),),
        ("改进",),
    )


def test_the_page_stands_alone_and_says_each_source() -> None:
    html = page(summary()).decode()
    assert "://" not in html
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", html)
    assert "a &lt; b &amp; c" in html
    assert "数据来源：marts.x" in html
    assert "select 1 where 1 &lt; 2" in html
    assert html.count("<svg") == 1
    assert "无记录" in html


def test_charts_are_texts_and_bars_of_the_figures() -> None:
    shown = svg(CHART)
    assert shown.startswith("<svg")
    for text in ("B1", "B2", "plan", "actual", "yuan"):
        assert f">{text}</text>" in shown
    assert png(CHART).startswith(b"\x89PNG")


def test_a_chart_bears_any_code_and_any_number_of_rows() -> None:
    """A dollar sign begins no formula; a picture of ten thousand bars would have more dots than one can."""
    assert ">$\\frac{$</text>" in svg(Chart(("$\\frac{$", "B2"), {"cases": (1, 2)}))
    many = tuple(f"R{number}" for number in range(10_000))
    assert png(Chart(many, {"cases": tuple(range(10_000))})).startswith(b"\x89PNG")


def test_a_document_bears_the_longest_name_and_every_character_that_the_check_lets_pass() -> None:
    import docx

    odd = "𠮷🎁👨‍👩‍👧 <b>&\"'سلام　é̈"
    named = replace(summary(odd), campaign_name="名" * 300)
    read = docx.Document(io.BytesIO(document(named)))
    assert read.tables[1].rows[1].cells[0].text == odd
    assert read.core_properties.title == "名" * 255
    assert "名" * 300 in page(named).decode()


def test_the_document_is_read_back_and_dated_by_what_it_reports() -> None:
    import docx

    content = document(summary())
    read = docx.Document(io.BytesIO(content))
    texts = [paragraph.text for paragraph in read.paragraphs]
    assert "表 1 一张表" in texts
    assert "数据来源：marts.x（查询 1）" in texts
    assert "select 1 where 1 < 2" in texts
    assert [[cell.text for cell in row.cells] for row in read.tables[1].rows] == [
        ["科目", "金额"],
        ["a < b & c", "1.00"],
    ]
    assert len(read.inline_shapes) == 1
    assert (read.core_properties.created, read.core_properties.author) == (datetime(2026, 4, 30, tzinfo=UTC), "老友惠")
    assert {part.date_time for part in zipfile.ZipFile(io.BytesIO(content)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_figures_give_the_same_bytes_and_others_do_not() -> None:
    assert page(summary()) == page(summary())
    assert document(summary()) == document(summary())
    assert page(summary("x")) != page(summary())
    assert document(summary("x")) != document(summary())


def test_what_people_wrote_is_never_written_over(tmp_path: Path) -> None:
    (path,) = keep(tmp_path, {"a.docx": b"made"})
    keep(tmp_path, {"a.docx": b"made"})
    keep(tmp_path, {"a.docx": b"made of newer figures"})
    assert path.read_bytes() == b"made of newer figures"
    path.write_bytes(b"edited")
    keep(tmp_path, {"a.docx": b"made of newer figures"})
    assert path.read_bytes() == b"edited"
    with pytest.raises(ReportError, match=r"a\.docx was edited, and what it reports has changed"):
        keep(tmp_path, {"a.docx": b"made of figures that changed"})
    assert path.read_bytes() == b"edited"
    path.rename(tmp_path / "a-by-hand.docx")
    keep(tmp_path, {"a.docx": b"made of figures that changed"})
    assert path.read_bytes() == b"made of figures that changed"


def test_the_rules_version_follows_every_model_and_macro(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    model = tmp_path / "dbt_project" / "models" / "a" / "b.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1")
    first = rules_version(tmp_path)
    assert (first.package, first.git_commit) == ("1.2.3", None)
    assert str(first).startswith("1.2.3，")
    model.write_text("select 2")
    assert rules_version(tmp_path).models_sha256 != first.models_sha256
    assert len(rules_version(ROOT).models_sha256) == 64
