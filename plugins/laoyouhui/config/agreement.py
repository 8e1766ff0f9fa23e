"""Whether a campaign and its carrier's profile agree, so that no date fails long after the campaign was written.

A campaign's codes must be codes of the profile, and its texts must fit the columns in which they leave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from laoyouhui.config.carrier import Carrier, Column, FileForm
from laoyouhui.config.located_yaml import YamlPath
from laoyouhui.config.terms import sections
from laoyouhui.config.values import id_characters, is_something

Mistake = tuple[YamlPath, object, str]

_NO_SUCH_COLUMN = 64  # characters, of a placeholder


def campaign_mistakes(versions: Sequence[Mapping[str, Any]], carrier: Carrier) -> list[list[Mistake]]:
    """What of each version of the terms does not fit the carrier's profile: paths from the version."""
    longest = _longest_values(versions, carrier)
    return [
        [*_listed_mistakes(terms, carrier), *_template_mistakes(terms["messages"]["templates"], longest, carrier)]
        for terms in versions
    ]


def _listed_mistakes(terms: Mapping[str, Any], carrier: Carrier) -> Iterator[Mistake]:
    """By the `MEETS` of each section: the columns of the profile that its values are compared with, or end up in."""
    for name, module in sections().items():
        for field, places in getattr(module, "MEETS", {}).items():
            for at, value in _values(terms.get(name), field.split(".")):
                yield from _met((name, *at), value, places, carrier)


def _met(at: YamlPath, value: object, places: Sequence[str], carrier: Carrier) -> Iterator[Mistake]:
    for place in places:
        column = _column(carrier, place)
        expected = column and _unfit(column, carrier.files, value)
        if expected:
            yield at, value, f"{expected}: {place} of {carrier.carrier}"
            return


def _values(value: Any, steps: Sequence[str]) -> Iterator[tuple[YamlPath, object]]:  # noqa: ANN401 (YAML values)
    """Each value at the end of the steps with its path; `*` is every entry of a list; missing ones are left out."""
    if not steps:
        if value is not None:
            yield (), value
        return
    step, *others = steps
    entries: Iterator[tuple[str | int, object]] = iter(())
    if step == "*" and isinstance(value, list):
        entries = iter(enumerate(value))
    elif isinstance(value, dict) and step in value:
        entries = iter([(step, value[step])])
    for key, entry in entries:
        yield from (((key, *at), found) for at, found in _values(entry, others))


def _template_mistakes(
    templates: Sequence[Mapping[str, Any]], longest: Mapping[str, Mapping[str, str]], carrier: Carrier
) -> Iterator[Mistake]:
    """Each text, with the longest value of each placeholder, must fit its column."""
    for number, template in enumerate(templates):
        at: YamlPath = ("messages", "templates", number)
        interface = f"interfaces.{template['channel']}"
        yield from _met((*at, "code"), template["code"], [f"{interface}.template_code"], carrier)
        for field in ("title", "text"):
            said = template[field] or ""
            filled = _filled_in(said, longest[template["event"]])
            for path, _, expected in _met((*at, field), filled, [f"{interface}.{field}"] if said else [], carrier):
                yield path, said, expected if filled == said else f"{expected}, with its placeholders filled in"


def _filled_in(text: str, longest: Mapping[str, str]) -> str:
    return re.sub(r"\{([a-z_]+)\}", lambda found: longest.get(found[1], found[0]), text)


def _longest_values(versions: Sequence[Mapping[str, Any]], carrier: Carrier) -> dict[str, dict[str, str]]:
    """By event and placeholder the longest text that can replace it, by `longest` of each section, in any version.

    A message can be about a promise of an older version: an instalment after the bonus has ended.
    """

    def length(place: str) -> int:
        column = _column(carrier, place)
        return (column.most_characters or 0) if column else _NO_SUCH_COLUMN

    found: dict[str, dict[str, str]] = {}
    for name, module in sections().items():
        for event, placeholders in getattr(module, "EVENTS", {}).items():
            known = found[event] = dict.fromkeys(placeholders, "")
            for terms in versions:
                if terms.get(name) is None:
                    continue
                for placeholder, text in _longest(module, terms[name], length).items():
                    known[placeholder] = max(known[placeholder], text, key=len)
    return found


def _longest(module: Any, terms: Mapping[str, Any], length: Callable[[str], int]) -> dict[str, str]:  # noqa: ANN401
    longest: Callable[..., dict[str, str]] = getattr(module, "longest", lambda *_: {})
    return longest(terms, length)


def _column(carrier: Carrier, place: str) -> Column | None:
    """The column at `feeds.recharge.channel` or `interfaces.sms.text`; None where the profile has none."""
    kind, name, column_name = place.split(".")
    files: Mapping[str, Any] = carrier.feeds if kind == "feeds" else carrier.interfaces
    columns: Sequence[Column] = files[name].columns if name in files else ()
    return next((column for column in columns if column.name == column_name), None)


def _unfit(column: Column, form: FileForm, value: object) -> str | None:
    """What was expected of a value that the column cannot hold; None where it can."""
    if column.type == "code":
        known = dict.fromkeys(column.codes.values())
        return None if value in known else "one of " + ", ".join(known)
    if column.type in {"id", "text"} and isinstance(value, str):
        return unfit_text(column, form, value)
    if column.unit and isinstance(value, int):
        return _unfit_number(column, value, 100 if column.unit == "yuan" else 1)
    return _unfit_number(column, value, 1) if isinstance(value, int) else None


def unfit_text(column: Column, form: FileForm, value: str) -> str | None:
    """What was expected of a text that the column cannot hold; None where it can."""
    most = column.most_characters or 0
    if len(value) > most:
        return f"at most {most} characters, found {len(value)}"
    if column.type == "id":
        return _unfit_id(form, value)
    if form.delimiter in value:
        return f"no {form.delimiter!r}, which parts the fields of the carrier's files"
    try:
        value.encode(form.encoding)
    except UnicodeEncodeError as error:
        return f"characters of {form.encoding}, found U+{ord(value[error.start]):04X}"
    return None


def _unfit_id(form: FileForm, value: str) -> str | None:
    if not re.fullmatch(f"[{id_characters(form.id_characters)}]+", value):
        return f"letters, digits and {' '.join(form.id_characters)} alone"
    if not re.match(is_something(form.delimiter, form.nulls, is_id=True), value):
        return f"a code: in a file {value} says nothing"
    return None


def _unfit_number(column: Column, value: int, unit: int) -> str | None:
    if column.min is not None and value < column.min * unit:
        return f"at least {column.min * unit}"
    if column.max is not None and value > column.max * unit:
        return f"at most {column.max * unit}"
    return None
