"""Keys of content: no part runs into its neighbour, whatever it holds, and those of ordinary ids never change."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any, LiteralString, cast

import jinja2
import psycopg

HOME = Path(__file__).parents[2]
# what another carrier's ids may hold, and what would be taken for a neighbour, a bar or nothing
PARTS = ["S1", "R|2", "S1|R", "2", "|", "||", "\\", "\\|", "|\\", "\\-", "-", "", "R", None]
ORDINARY = ["lyh2026", "INSTALMENT", "S-1", "R_2026.01:31", "-1", "a-", None]


def macros() -> Any:
    text = (HOME / "dbt_project" / "macros" / "scalars.sql").read_text(encoding="utf-8")
    made: Any = jinja2.Environment(autoescape=False).from_string(text).module  # noqa: S701 - SQL, no page
    return made


def keys(dsn: str, rows: list[tuple[str | None, ...]]) -> list[str]:
    names = ["one", "two", "three"]
    expression = cast("LiteralString", str(macros().content_key(names)))
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "select " + expression + " from unnest(%s::text[], %s::text[], %s::text[]) with ordinality "
            "as given (one, two, three, no) order by no",
            tuple(map(list, zip(*rows, strict=True))),
        ).fetchall()
    return [row[0] for row in found]


def test_no_two_contents_have_one_key(database_dsn: str) -> None:
    rows = list(itertools.product(PARTS, repeat=3))
    assert len(set(keys(database_dsn, rows))) == len(rows)


def test_keys_of_ordinary_ids_are_what_they_were(database_dsn: str) -> None:
    """An instalment that was promised keeps the key under which the carrier knows it."""
    rows = list(itertools.product(ORDINARY, repeat=3))
    expected = [
        hashlib.md5("|".join("-" if part is None else part for part in row).encode(), usedforsecurity=False).hexdigest()
        for row in rows
    ]
    assert keys(database_dsn, rows) == expected


def test_no_id_runs_into_the_one_that_was_granted_again(database_dsn: str) -> None:
    """A profile may let ids hold an @, which parts an id from the date of its withdrawal."""
    ids = ["R", "R@20260203", "R@20260203-2", "R@", "R@@20260203", "@20260203", "R-2"]
    voids = [(None, None), ("2026-02-03", 1), ("2026-02-03", 2), ("2026-02-04", 1)]
    rows = list(itertools.product(ids, voids))
    with psycopg.connect(database_dsn) as connection:
        found = connection.execute(
            cast("LiteralString", f"select {macros().life('given.id', 'given')}")
            + " from unnest(%s::text[], %s::date[], %s::int[]) as given (id, business_date, attempt_no)",
            ([one for one, _ in rows], [day for _, (day, _) in rows], [no for _, (_, no) in rows]),
        ).fetchall()
    assert len(set(found)) == len(rows)
    assert ("R",) in found
    assert ("R@20260203",) in found
