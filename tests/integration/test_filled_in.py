"""The macro `filled_in`: what a text quotes is put in once, whatever the values say."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from jinja2 import Environment

SCALARS = Path(__file__).parents[2] / "dbt_project" / "macros" / "scalars.sql"


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("第{no}期，单号{id}，{no}", {"no": "1", "id": "R-1"}, "第1期，单号R-1，1"),
        ("{no}|{id}", {"no": "1", "id": "R-{no}"}, "1|R-{no}"),
        ("{id}|{no}", {"id": "R-{no}", "no": "1"}, "R-{no}|1"),
        ("{id}|{no}", {"id": "{no", "no": "}{id}"}, "{no|}{id}"),
        ("{id}{code}", {"id": "{code}{secret:1"}, "{code}{secret:1{code}"),
        ("无", {"id": "R-1"}, "无"),
    ],
)
def test_a_value_is_not_filled_in_again(database_dsn: str, text: str, values: dict[str, str], filled: str) -> None:
    macros = Environment().from_string(SCALARS.read_text("utf-8")).module  # noqa: S701 - makes SQL, no page
    expression = macros.filled_in("%(text)s::text", {name: f"%({name})s::text" for name in values})
    with psycopg.connect(database_dsn) as conn:
        row = conn.execute(f"select {expression}".encode(), {"text": text, **values}).fetchone()
    assert row == (filled,)
