"""Rows that a carrier profile lets through, made from the profile itself: each code, character and boundary."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from laoyouhui.config.carrier import FILE_DATE, NUMBERS, Column, Feed, FileForm

_LETTERS = "ABZabz019"
NOTHING = ("null", "none", "nil", "nan", "nat", "na", "undefined", "n/a", "#n/a", "(null)", "<null>", "\\n")
_NO_TEXT = [*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xFDD0, 0xFDF0)]
_NO_TEXT += [plane << 16 | last for plane in range(17) for last in (0xFFFE, 0xFFFF)]
_NOT_IN_TEXTS = "".join(map(chr, _NO_TEXT))


def rows(
    feed: Feed, form: FileForm, closes: date, ids: dict[str, st.SearchStrategy[str]]
) -> st.SearchStrategy[list[str]]:
    """Rows of a feed in a file that closes a day, as the carrier spells them; `ids` draws columns that name others."""
    columns = {
        column.name: ids[column.name] if column.name in ids else values(column, feed, form, closes)
        for column in feed.columns
    }
    return st.fixed_dictionaries(columns).map(lambda row: _within_limits(row, feed, closes))


def some(strategy: st.SearchStrategy[list[str]], number: int, draw: random.Random) -> list[list[str]]:
    """So many rows, the same for the same `draw`."""
    found: list[list[str]] = []

    @seed(draw.getrandbits(64))
    @settings(
        max_examples=number + 5,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(row: list[str]) -> None:
        found.append(row)

    collect()
    draw.shuffle(found)  # the simplest come first
    return found[:number]


def values(column: Column, feed: Feed, form: FileForm, closes: date) -> st.SearchStrategy[str]:
    """What a column may hold."""
    found = _values(column, feed, form, closes)
    nothing = st.sampled_from(["", *form.nulls])
    return found if column.required else found | nothing


def _values(column: Column, feed: Feed, form: FileForm, closes: date) -> st.SearchStrategy[str]:
    if column.type == "code":
        return st.sampled_from(list(column.codes))
    if column.type in {"id", "text"}:
        return _words(column, form)
    if column.type == "phone":
        numbers = st.sampled_from(form.phone.numbers).flatmap(_phone_number)
        return st.builds(str.__add__, st.sampled_from(["", *form.phone.prefixes]), numbers)
    least, most = column.range
    if column.type in NUMBERS:
        numbers = st.sampled_from([least, most, max(least, min(most, 0)), most - 1]) | st.integers(least, most)
        return numbers.map(lambda number: _spelled(number, column))
    last = date(most, 12, 31)
    if any(limit.max == FILE_DATE and not limit.where for limit in feed.limits(column)):
        last = min(closes, last)
    first = date(least, 1, 1)
    near = max(first, min(last, closes) - timedelta(days=40))
    days = st.sampled_from([first, last, min(last, closes)]) | st.dates(first, last) | st.dates(near, min(last, closes))
    texts = days.map(lambda day: f"{day.year:04}{day:%m%d}")
    if column.type == "date":
        return texts
    times = st.sampled_from(["000000", "235959"]) | st.times().map(lambda at: f"{at:%H%M%S}")
    return st.builds(str.__add__, texts, times)


def _words(column: Column, form: FileForm) -> st.SearchStrategy[str]:
    if column.type == "id":
        length = column.length or 64
        characters = st.sampled_from(_LETTERS + form.id_characters)
        words = st.text(characters, min_size=1, max_size=8) | st.sampled_from(
            ["A" * length, "0" * length, "ALL", "TOTAL"]
        )
        return words.filter(lambda word: word.lower() not in NOTHING and bool(set(word) - set("-_.:")))
    length = column.length or 200
    characters = st.characters(
        codec=form.encoding, exclude_categories=["Cs"], exclude_characters=_NOT_IN_TEXTS + form.delimiter
    )
    words = st.text(characters, min_size=1, max_size=20) | st.sampled_from(
        ["億" * length, "𠮷" * length, "{secret:1", "=1+1", "<b>&'\"", "\\", " ", "%s$(x)"]
    )
    return words.map(lambda word: word[:length]).filter(lambda word: word.lower() not in NOTHING)


def _phone_number(form: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from("0123456789") if sign == "x" else st.just(sign) for sign in form)).map("".join)


def _within_limits(row: dict[str, str], feed: Feed, closes: date) -> list[str]:
    """The row, its amounts between what other columns ask, and no time later than it may be in a row of its codes."""
    codes = {column.name: column.codes for column in feed.columns}
    for column in feed.columns:
        for limit in feed.limits(column):
            if not row[column.name] or any(codes[name].get(row[name]) != word for name, word in limit.where.items()):
                continue
            if limit.max == FILE_DATE:
                row[column.name] = min(row[column.name][:8], f"{closes:%Y%m%d}") + row[column.name][8:]
            if column.type not in NUMBERS:
                continue
            unit = 100 if column.type == "yuan" else 1
            least = column.range[0] if limit.min is None else limit.min * unit
            amount = max(least, int(row[column.name].replace(".", "")))
            if isinstance(limit.max, int):
                amount = min(amount, limit.max * unit)
            elif limit.max is not None and row[limit.max]:
                most = max(least, int(row[limit.max].replace(".", "")))
                row[limit.max] = _spelled(most, column)
                amount = min(amount, most)
            row[column.name] = _spelled(amount, column)
    return [row[column.name] for column in feed.columns]


def _spelled(number: int, column: Column) -> str:
    if column.type != "yuan":
        return str(number)
    return f"{'-' if number < 0 else ''}{abs(number) // 100}.{abs(number) % 100:02}"
