"""The length of an SMS, as dbt and the release gate count it, is Python's count of UTF-16 units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, cast

import jinja2
import psycopg
import yaml

HOME = Path(__file__).parents[2]


def formula() -> LiteralString:
    macros: Any = jinja2.Environment(autoescape=False).from_string(  # noqa: S701 - SQL, no page
        (HOME / "dbt_project" / "macros" / "scalars.sql").read_text(encoding="utf-8")
    )
    return cast("LiteralString", str(macros.module.utf16_length("text")).strip())


def texts() -> Iterator[str]:
    """Every character that PostgreSQL can hold, in blocks, and mixtures as they occur."""
    every = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    yield from ("".join(every[start : start + 997]) for start in range(0, len(every), 997))
    yield from ("", "【中国联通】流量已到账", "🎁", "送您5GB流量🎁🎁", "\uffff\U00010000", "\U0010ffff\n𠮷|", "a" * 71)


def test_every_character_counts_as_in_utf16(database_dsn: str) -> None:
    given = list(texts())
    with psycopg.connect(database_dsn) as connection:
        rows = connection.execute(
            "select " + formula() + " from unnest(%s::text[]) with ordinality as given (text, no) order by no", (given,)
        ).fetchall()
    assert [row[0] for row in rows] == [len(text.encode("utf-16-le")) // 2 for text in given]


def test_the_release_gate_counts_in_the_same_way() -> None:
    suite = yaml.safe_load((HOME / "expectations" / "export_sms.yml").read_text(encoding="utf-8"))
    queries = [each["kwargs"].get("unexpected_rows_query", "") for each in suite["expectations"]]
    assert sum(formula().strip("()") in query for query in queries) == 1
