"""The kinds of value that a campaign file holds: each refuses what is wrong by saying what it expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from laoyouhui.config.located_yaml import YamlPath


@dataclass(frozen=True)
class Kind:
    """A kind of single value: how people are told of it, and which values belong to it."""

    expected: str
    fits: Callable[[Any], bool]

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> object:
        if not self.fits(value):
            raise refusal(self.expected)
        return value


def refusal(expected: str) -> PydanticCustomError:
    """The error of a value that is not what was expected."""
    return PydanticCustomError("refused", "{expected}", {"expected": expected})


def whole(low: int, high: int, what: str = "a whole number") -> Kind:
    """Whole numbers of a range, both ends included."""
    # `type(...) is int`, since True is an int too
    return Kind(f"{what} from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def text_like(pattern: str, expected: str) -> Kind:
    """Texts that fit a pattern as a whole."""
    return Kind(expected, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def one_of(*choices: str) -> Kind:
    """The words of a list."""
    return Kind("one of " + ", ".join(choices), lambda value: value in choices)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def fen_from(low: int) -> Kind:
    """Whole fen, not below `low`."""
    return Kind(
        f"whole fen, {low} or more, without decimals or quotes",
        lambda value: type(value) is int and low <= value <= 10**15,
    )


Fen = Annotated[int, fen_from(0)]
PositiveFen = Annotated[int, fen_from(1)]
BasisPoints = Annotated[int, whole(0, 10_000, "whole basis points")]
Count = Annotated[int, whole(1, 1_000_000)]
Days = Annotated[int, whole(0, 10_000, "whole days")]
Years = Annotated[int, whole(0, 200, "whole years")]
YesNo = Annotated[bool, Kind("true or false", lambda value: isinstance(value, bool))]
Date = Annotated[str, Kind("a date YYYY-MM-DD", _is_date)]
Month = Annotated[str, text_like(r"[0-9]{4}-(0[1-9]|1[0-2])", "a month YYYY-MM")]
Clock = Annotated[str, text_like(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day HH:MM")]
Name = Annotated[str, text_like(r"[a-z0-9_]+", "the name of a file in carriers/, without .yml")]
LINE = text_like(r"[^|\r\n]*[^|\r\n\s][^|\r\n]*", "text in one line, without '|'")
Text = Annotated[str, LINE]
Words = Annotated[str, text_like(r"[^|{}\r\n]*[^|{}\s][^|{}\r\n]*", "text in one line, without '|' and braces")]
Code = Annotated[str, text_like(r"[^|\s]+", "a code without spaces or '|', in quotes where it is a number")]


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
    """What is not more than the value before it: (place from 0, value, what was expected)."""
    return [
        (number, value, f"more than the {before} before it")
        for number, (before, value) in enumerate(pairwise(values), start=1)
        if value <= before
    ]


def repeated(values: Sequence[object]) -> list[tuple[int, object]]:
    """What stood before: (place from 0, value)."""
    return [(number, value) for number, value in enumerate(values) if value in values[:number]]
