"""The kinds of value that a campaign file holds: each refuses what is wrong by saying what it expected."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from laoyouhui.config.located_yaml import YamlPath

Limit = Callable[[Any], str | None]

# What every later step can bear: PostgreSQL's bigint holds a sum over all subscribers and years, Python and PostgreSQL
# a date that all days of all sections are added to, a document and an index entry the longest text.
MOST_FEN = 10**9  # of one grant, price or payment: 10 million yuan
MOST_UNIT_FEN = 10**6  # of a GB, a segment: 10,000 yuan
MOST_SUM_FEN = 10**13  # of a plan or a cap: 100 billion yuan
MOST_ENTRIES = 1_000  # of a list
LONGEST_CODE, LONGEST_TEXT, LONGEST_MESSAGE = 64, 200, 4_000  # characters; the interface may hold less
FIRST_DATE, LAST_DATE = "2000-01-01", "2100-12-31"


@dataclass(frozen=True)
class Kind:
    """A kind of single value: how messages name it, and which values belong to it.

    `limits` gives what was expected of a value that is beyond what we can handle, else None.
    """

    expected: str
    fits: Callable[[Any], bool]
    limits: tuple[Limit, ...] = ()

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> object:
        if not self.fits(value):
            raise refusal(self.expected)
        for limit in self.limits:
            expected = limit(value)
            if expected:
                raise refusal(expected)
        return value


def refusal(expected: str) -> PydanticCustomError:
    """The error for a value that is not what was expected."""
    return PydanticCustomError("refused", "{expected}", {"expected": expected})


def whole(low: int, high: int, what: str = "a whole number") -> Kind:
    """Whole numbers of a range, both ends included."""
    # `type(...) is int`, since True is an int too
    return Kind(f"{what} from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def text_like(pattern: str, expected: str, longest: int = LONGEST_TEXT) -> Kind:
    """Texts that match a pattern completely, of at most this many characters, all of them printable."""

    def not_longer(value: str) -> str | None:
        return None if len(value) <= longest else f"at most {longest} characters, found {len(value)}"

    def fits(value: object) -> bool:
        # do not try long ones: a pattern may take quadratic time
        return isinstance(value, str) and (len(value) > longest or re.fullmatch(pattern, value) is not None)

    return Kind(expected, fits, (not_longer, only_shown))


def only_shown(text: str) -> str | None:
    """No control, format or surrogate character: documents, logs and pages fail on U+0000, and U+202E reverses a
    line.
    """
    for character in text:
        kind = unicodedata.category(character)
        if (
            kind in {"Cc", "Cs", "Co", "Zl", "Zp"}
            or (kind == "Cf" and character != "\u200d")  # which joins emoji: 👨‍👩‍👧
            or ord(character) & 0xFFFE == 0xFFFE
            or 0xFDD0 <= ord(character) <= 0xFDEF
        ):
            return f"characters that every reader shows, found U+{ord(character):04X}"
    return None


def one_of(*choices: str) -> Kind:
    """The words of a list."""
    return Kind("one of " + ", ".join(choices), lambda value: value in choices)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def at_most(high: int, unit: str) -> Limit:
    """No number above `high`."""
    return lambda value: f"at most {high} {unit}" if value is not None and value > high else None


def fen_from(low: int, most: int = MOST_FEN) -> Kind:
    """Whole fen, not below `low`."""
    return Kind(
        f"whole fen, {low} or more, without decimals or quotes",
        lambda value: type(value) is int and low <= value,
        (at_most(most, "fen"),),
    )


def from_to(first: str, last: str) -> Limit:
    """No date before `first` or after `last`; dates and months as ISO text."""
    return lambda value: None if first <= value <= last else f"from {first} to {last}"


Fen = Annotated[int, fen_from(0)]
PositiveFen = Annotated[int, fen_from(1)]
UnitFen = Annotated[int, fen_from(0, MOST_UNIT_FEN)]
SumFen = Annotated[int, fen_from(0, MOST_SUM_FEN)]
BasisPoints = Annotated[int, whole(0, 10_000, "whole basis points")]
Count = Annotated[int, whole(1, 1_000_000)]
Days = Annotated[int, whole(0, 10_000, "whole days")]
Years = Annotated[int, whole(0, 200, "whole years")]
YesNo = Annotated[bool, Kind("true or false", lambda value: isinstance(value, bool))]
Date = Annotated[str, Kind("a date YYYY-MM-DD", _is_date, (from_to(FIRST_DATE, LAST_DATE),))]
PastDate = Annotated[str, Kind("a date YYYY-MM-DD", _is_date, (from_to("1900-01-01", LAST_DATE),))]
Month = Annotated[
    str,
    Kind(
        "a month YYYY-MM",
        lambda value: isinstance(value, str) and re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", value) is not None,
        (from_to(FIRST_DATE[:7], LAST_DATE[:7]),),
    ),
]
Clock = Annotated[str, text_like(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day HH:MM")]
Name = Annotated[str, text_like(r"[a-z0-9_]+", "the name of a file in carriers/, without .yml")]
_LINE = (r"[^|\r\n]*[^|\r\n\s][^|\r\n]*", "text in one line, without '|'")
LINE = text_like(*_LINE)
MESSAGE = text_like(*_LINE, LONGEST_MESSAGE)
Text = Annotated[str, LINE]
Words = Annotated[str, text_like(r"[^|{}\r\n]*[^|{}\s][^|{}\r\n]*", "text in one line, without '|' and braces")]
Code = Annotated[
    str, text_like(r"[^|\s]+", "a code without spaces or '|', in quotes where it is a number", LONGEST_CODE)
]

DAY = "12月31日"  # the longest form of a day in a message

Entry = TypeVar("Entry")
Entries = Annotated[list[Entry], MinLen(1), MaxLen(MOST_ENTRIES)]
EntriesOrNone = Annotated[list[Entry], MaxLen(MOST_ENTRIES)]


class Section(BaseModel):
    """A mapping of the campaign file; a field that it does not know is refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    @classmethod
    def named_fields(cls) -> dict[str, FieldInfo]:
        """The fields by the names that the file gives them."""
        return {info.alias or name: info for name, info in cls.model_fields.items()}


def refuse(mistakes: Iterable[tuple[YamlPath, object, str]]) -> None:
    """Raise what is wrong below the value being validated, as (path from it, value, expected), if anything is."""
    found = [InitErrorDetails(type=refusal(expected), loc=at, input=value) for at, value, expected in mistakes]
    if found:
        raise ValidationError.from_exception_data("campaign", found)


def ascending(values: Sequence[int]) -> list[tuple[int, int, str]]:
    """Values that are not above the one before: (place from 0, value, what was expected)."""
    return [
        (number, value, f"more than the {before} before it")
        for number, (before, value) in enumerate(pairwise(values), start=1)
        if value <= before
    ]


def repeated(values: Sequence[Hashable]) -> list[tuple[int, object]]:
    """Values that occurred before: (place from 0, value)."""
    first = {value: number for number, value in reversed(list(enumerate(values)))}
    return [(number, value) for number, value in enumerate(values) if first[value] < number]
