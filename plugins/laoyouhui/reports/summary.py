"""What the summary report says: `summary.yml` queries the warehouse, here the results are formatted.

Nothing is computed here: a figure is a query's result, unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from laoyouhui.config.campaign import Campaign

SUMMARY = Path(__file__).with_name("summary.yml")
NOTHING = "—"
_NO_SIGN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")  # no document may hold them
_RELATION = re.compile(r"\b(?:marts|ledger|watch|intermediate)\.[a-z_]+")


@dataclass(frozen=True)
class Chart:
    """Bars for each row: `labels` are codes; `bars` gives whole numbers by column name, fen if the name says so."""

    labels: tuple[str, ...]
    bars: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Table:
    """One table as shown: `rows` are texts; `is_number` says which columns are right-aligned.

    `sources` are the relations that `query` reads.
    """

    number: int
    title: str
    note: str
    headings: tuple[str, ...]
    is_number: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    chart: Chart | None
    query: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A chapter of the report."""

    title: str
    text: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Summary:
    """The report of one campaign, as released with `closed_to`; `facts` say what it is about."""

    title: str
    campaign_name: str
    closed_to: date
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    lessons: tuple[str, ...]


def read_summary(conn: psycopg.Connection, campaign: Campaign, closed_to: date, rules_version: str) -> Summary:
    """Run every query of the report; if the warehouse lacks a relation, psycopg's error names it."""
    said = form()
    number = 0
    sections = []
    for section in said["sections"]:
        tables = []
        for table in section["tables"]:
            number += 1
            tables.append(_table(conn, campaign.campaign_id, number, table))
        sections.append(Section(section["title"], section.get("text", ""), tuple(tables)))
    facts = (
        ("活动", f"{campaign.name}（{campaign.campaign_id}）"),
        ("活动日期", f"{campaign.starts_on} 至 {campaign.ends_on}"),
        ("数据截至业务日", str(closed_to)),
        ("规则参数版本", "、".join(version.terms_version for version in campaign.versions)),
        ("活动文件 SHA-256", campaign.sha256),
        ("规则版本", rules_version),
    )
    return Summary(said["title"], campaign.name, closed_to, facts, tuple(sections), tuple(said["lessons"]))


@cache
def form() -> dict[str, Any]:
    """`summary.yml` as read."""
    import yaml

    found: dict[str, Any] = yaml.safe_load(SUMMARY.read_text(encoding="utf-8"))
    return found


def sources(query: str) -> tuple[str, ...]:
    """The relations that a query reads, in the order in which it names them, each once."""
    return tuple(dict.fromkeys(_RELATION.findall(query)))


def spell(column: str, value: object) -> str:
    """A value as people read it, by the end of its column's name: `_fen` as yuan, `_bp` as per cent.

    >>> spell("plan_fen", 123456), spell("share_bp", 3333), spell("orders", 12000), spell("reason", "TENURE")
    ('1,234.56', '33.33 %', '12,000', '在网年限不足（TENURE）')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | Decimal):
        return _number(column, int(value)) if value == int(value) else f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = _NO_SIGN.sub("�", str(value))
    word = form()["words"].get(text)
    return f"{word}（{text}）" if word else text


def _number(column: str, value: int) -> str:
    unit = next((unit for unit in ("_fen", "_bp", "_hundredths") if column.endswith(unit)), None)
    if unit is None:
        return f"{value:,}"
    sign, hundredths = "-" if value < 0 else "", abs(value)
    text = f"{sign}{hundredths // 100:,}.{hundredths % 100:02}"
    return f"{text} %" if unit == "_bp" else text


def _table(conn: psycopg.Connection, campaign_id: str, number: int, said: Mapping[str, Any]) -> Table:
    cursor = conn.execute(said["query"].encode(), {"campaign": campaign_id})
    names = [column.name for column in cursor.description or ()]
    found = cursor.fetchall()
    if names != list(said["columns"]):
        raise ValueError(f"{SUMMARY.name}: table {said['title']}: columns {list(said['columns'])}, its query: {names}")
    return Table(
        number=number,
        title=said["title"],
        note=said.get("note", ""),
        headings=tuple(said["columns"].values()),
        is_number=tuple(
            any(isinstance(row[at], int | Decimal) and not isinstance(row[at], bool) for row in found)
            for at in range(len(names))
        ),
        rows=tuple(tuple(map(spell, names, row)) for row in found),
        chart=_chart(said.get("chart"), names, found),
        query=said["query"].strip(),
        sources=sources(said["query"]),
    )


def _chart(said: Mapping[str, Any] | None, names: list[str], found: list[tuple[Any, ...]]) -> Chart | None:
    if said is None:
        return None
    by = names.index(said["by"])
    rows = [row for row in found if row[by] != said.get("without")]
    if not rows:
        return None
    bars = {bar: tuple(int(row[names.index(bar)] or 0) for row in rows) for bar in said["bars"]}
    return Chart(tuple(str(row[by]) for row in rows), bars)
