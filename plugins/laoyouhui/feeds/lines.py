"""Lines of a feed, judged: what each column may hold, and why a line is bad.

One regular expression for the whole line recognizes a good one; only a line that it refuses takes the slow path, which
finds the reason. The slow path alone decides: a line in which it finds nothing wrong is good.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple, cast

from laoyouhui.config import values
from laoyouhui.config.carrier import ANY_NUMBER, NUMBERS, TIMES, Column, Feed, FileForm, Limit

Reason = Literal["ENCODING", "NUL", "FIELDS", "REQUIRED", "TYPE", "LENGTH", "CODE", "RANGE", "FUTURE"]

MASK = "***"  # in place of what may hold a secret
LONGEST_LINE = 64 * 1024  # bytes

_FORMS = {  # pattern, what it is in words, fewest and most characters
    "int": ("[-+]?+[0-9]{1,15}+", "a whole number of at most 15 digits", 1, 16),
    "fen": ("-?+[0-9]{1,15}+", "whole fen, at most 15 digits", 1, 16),
    "yuan": (r"-?+[0-9]{1,13}+\.[0-9]{2}", "yuan with two decimals, such as 1234.50", 4, 17),
}
_LONGEST_CHARACTER = 4  # bytes, in each encoding that a profile can name


class LineTooLongError(Exception):
    """A line of more than 64 KiB: no feed has such rows, so the file is not what its name says."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is quarantined.

    `field` is None if the whole line is at fault; `text` if the bytes are not text, or hold NUL, which the warehouse
    cannot store. For a feed with secrets neither is kept: a bad line may have a secret anywhere.
    """

    line_no: int
    reason: Reason
    field: str | None
    expected: str
    text: str | None
    raw: bytes


@dataclass(slots=True)
class Judged:
    """The lines of one block: the good ones with their line numbers, the bad ones, the control column's sum over both.

    `control_total` is in fen; `unreadable` is the number of rows whose amount cannot be read. `unusual` counts, for
    each number column, the good lines whose amount is outside the profile's usual range.
    """

    numbers: Sequence[int]
    lines: list[str]
    bad: list[BadRow]
    control_total: int
    unreadable: int
    unusual: Counter[str]


def smallest_unit(number: str) -> int:
    """Read `1234.50` as 123450 and `-5` as -5: yuan with two decimals become fen, whole numbers stay."""
    return int(number.replace(".", "", 1))


def control_total(said: str, column: Column) -> int | None:
    """Read a check file's control total, in the column's unit, as fen; None if it is not one. `100.5` yuan is
    accepted.
    """
    whole, _, decimals = said.partition(".")
    if not re.fullmatch("-?[0-9]{1,18}", whole) or (decimals and column.type != "yuan"):
        return None
    return int(whole + (decimals.ljust(2, "0") if column.type == "yuan" else ""))


class LineJudge:
    """Judges the lines of one feed; made once per file, since its regular expression takes a while to compile.

    `closes` is the file's business date: no event in it is later. None if unknown: then nothing is FUTURE.
    """

    def __init__(self, feed: Feed, form: FileForm, closes: date | None = None) -> None:
        self._encoding, self._delimiter = form.encoding, form.delimiter
        self._has_secrets = bool(feed.secrets)
        limits = {column.name: feed.limits(column) for column in feed.columns}
        asked = {name for column in feed.columns for limit in limits[column.name] for name in limit.where}
        self._columns = [
            _JudgedColumn(column, form, is_captured=bool(limits[column.name]) or column.name in asked)
            for column in feed.columns
        ]
        self._captured = [at for at, column in enumerate(self._columns) if column.is_captured]
        place = {feed.columns[at].name: group for group, at in enumerate(self._captured)}
        numbers = [at for at in self._captured if self._columns[at].is_number]
        self._ranges = [
            (self._captured.index(at), self._columns[at].to_number, *self._columns[at].range) for at in numbers
        ]
        self._usual = [
            (number, *self._columns[at].usual, feed.columns[at].name)
            for number, at in enumerate(numbers)
            if feed.columns[at].usual
        ]
        names = [feed.columns[at].name for at in numbers]
        limited = [(column, limit) for column in feed.columns for limit in limits[column.name]]
        self._last_times = [
            _last_time(column, limit, feed, place, closes) for column, limit in limited if column.type in TIMES
        ]
        self._amounts_within = [
            _amount_within(column, limit, feed, place, names) for column, limit in limited if column.type in NUMBERS
        ]
        self._control = next((at for at, column in enumerate(feed.columns) if column.name == feed.control), None)
        self._control_number = names.index(feed.control) if feed.control in names else None
        parted = re.escape(form.delimiter)
        self._match = re.compile(parted.join(column.in_line for column in self._columns)).fullmatch
        # where the carrier spells what we do otherwise: words for codes and for nothing, prefixes of phone numbers
        self._is_respelled = any(column.is_respelled for column in self._columns)
        self._match_theirs = re.compile(parted.join(column.in_their_line for column in self._columns)).fullmatch
        self.shortest_row = sum(column.shortest + 1 for column in self._columns)  # bytes of a good row and its LF
        self.longest_row = sum(column.longest + 1 for column in self._columns)

    def judge(self, block: bytes, first: int) -> Judged:
        """Judge the lines of a block, separated by LF (its last byte is not one); the first line has the number
        `first`.

        Raises LineTooLongError.
        """
        lines = self._decode(block)
        total, suspects, theirs = 0, [], []
        unusual: Counter[str] = Counter()
        match, is_captured = self._match, bool(self._captured)
        for at, line in enumerate(lines):
            found = None if line is None else match(line)
            if found is None:
                found = self._match_theirs(line) if self._is_respelled and line is not None else None
                if found is None:
                    suspects.append(at)
                    continue
                theirs.append(at)
            if is_captured:
                amount = self._amount_within_limits(found.groups(), unusual)
                if amount is None:
                    suspects.append(at)
                else:
                    total += amount
        judged = Judged(range(first, first + len(lines)), cast("list[str]", lines), [], total, 0, unusual)
        for at in theirs:
            judged.lines[at] = self._in_our_words(judged.lines[at])
        if suspects:
            self._look_closely(judged, suspects, block.split(b"\n"))
        return judged

    def _amount_within_limits(self, fields: Sequence[str | None], unusual: Counter[str]) -> int | None:
        """The control column's amount of a line by its captured fields, None if one of them is outside its limits."""
        numbers: list[int | None] = []
        for group, to_number, least, most in self._ranges:
            digits = fields[group]
            if digits:
                value = to_number(digits)
                if not least <= value <= most:
                    return None
                numbers.append(value)
            else:
                numbers.append(None)
        if self._broken_limit(fields, numbers):
            return None
        for number, low, high, column in self._usual:
            amount = numbers[number]
            if amount and not low <= abs(amount) <= high:
                unusual[column] += 1
        return 0 if self._control_number is None else numbers[self._control_number] or 0

    def _broken_limit(self, fields: Sequence[str | None], numbers: Sequence[int | None]) -> _RowLimit | None:
        """The first limit that a row breaks: of times, then of numbers."""
        for group, last, row in self._last_times:
            time = fields[group]
            if time and time > last and row.holds(fields):
                return row
        for number, least, most, other, row in self._amounts_within:
            value = numbers[number]
            if value is None:
                continue
            greatest = most if other is None else numbers[other]
            if (value < least or (greatest is not None and value > greatest)) and row.holds(fields):
                return row
        return None

    def _decode(self, block: bytes) -> list[str | None]:
        """Decode first, then split: in GB18030 the byte `|` occurs inside characters; LF never does."""
        try:
            # every encoding that a profile can name spells ASCII as ASCII, and most blocks hold nothing else
            return [*block.decode("ascii" if block.isascii() else self._encoding).split("\n")]
        except UnicodeDecodeError:
            return [self._text(raw) for raw in block.split(b"\n")]

    def _text(self, raw: bytes) -> str | None:
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            return None

    def _look_closely(self, judged: Judged, suspects: list[int], raws: list[bytes]) -> None:
        """Find out what is wrong with the suspects, and take the bad ones out of the good lines."""
        bad = set()
        for at in suspects:
            if len(raws[at]) > LONGEST_LINE:
                raise LineTooLongError
            text = self._text(raws[at])
            row = self._fault(judged.numbers[at], text, raws[at])
            if row is not None:
                if self._has_secrets:
                    row = replace(row, text=MASK, raw=MASK.encode())
                judged.bad.append(row)
                bad.add(at)
            elif text is not None:
                judged.lines[at] = self._in_our_words(text)
            if self._control is not None:
                amount = self._amount(text)
                judged.control_total += amount or 0
                judged.unreadable += amount is None
        judged.numbers = [number for at, number in enumerate(judged.numbers) if at not in bad]
        judged.lines = [line for at, line in enumerate(judged.lines) if at not in bad]

    def _fault(self, line_no: int, text: str | None, raw: bytes) -> BadRow | None:
        if text is None:
            return BadRow(line_no, "ENCODING", None, f"text in {self._encoding}", None, raw)
        if "\0" in text:
            return BadRow(line_no, "NUL", None, "no character NUL", None, raw)
        fields = text.split(self._delimiter)
        if len(fields) != len(self._columns):
            expected = f"{len(self._columns)} fields, found {len(fields)}"
            return BadRow(line_no, "FIELDS", None, expected, text, raw)
        if "\r" in text:
            return BadRow(line_no, "TYPE", None, "no carriage return: lines end with LF alone", text, raw)
        for column, value in zip(self._columns, fields, strict=True):
            fault = column.fault(value)
            if fault:
                return BadRow(line_no, fault[0], column.name, fault[1], text, raw)
        captured = [self._columns[at].or_nothing(fields[at]) for at in self._captured]
        numbers = [to_number(captured[group]) if captured[group] else None for group, to_number, _, _ in self._ranges]
        limit = self._broken_limit(captured, numbers)
        return BadRow(line_no, limit.reason, limit.column, limit.expected, text, raw) if limit else None

    def _amount(self, text: str | None) -> int | None:
        """The control column's amount in a bad line, in fen: 0 where it is empty, None where it cannot be read."""
        fields = [] if text is None else text.split(self._delimiter)
        if self._control is None or len(fields) != len(self._columns):
            return None
        column = self._columns[self._control]
        value = column.or_nothing(fields[self._control])
        if value == "":
            return 0
        return column.to_number(value) if column.match(value) else None

    def _in_our_words(self, line: str) -> str:
        fields = line.split(self._delimiter)
        return self._delimiter.join([column.ours(field) for column, field in zip(self._columns, fields, strict=True)])


class _RowLimit(NamedTuple):
    """The rows to which a limit applies, and the message for one that breaks it; fields by their place among the
    captured.
    """

    where: tuple[tuple[int, frozenset[str]], ...]
    column: str
    reason: Reason
    expected: str

    def holds(self, fields: Sequence[str | None]) -> bool:
        """Whether the limit applies to this row."""
        return all(fields[at] in words for at, words in self.where)


class _LastTime(NamedTuple):
    """A date or timestamp and the last that it may be."""

    at: int
    last: str
    row: _RowLimit


class _AmountWithin(NamedTuple):
    """A number, by its place among the numbers, and its bounds; `other` is the place of the number that it is up to."""

    at: int
    least: int
    most: int | None
    other: int | None
    row: _RowLimit


def _last_time(column: Column, limit: Limit, feed: Feed, place: dict[str, int], closes: date | None) -> _LastTime:
    day = f"{closes:%Y%m%d}" if closes else "9" * 8
    last = day + "235959" * (column.type == "timestamp")
    row = _row_limit(column, limit, feed, place, "FUTURE", f"no day after {closes}, which the file closes")
    return _LastTime(place[column.name], last, row)


def _amount_within(
    column: Column, limit: Limit, feed: Feed, place: dict[str, int], numbers: list[str]
) -> _AmountWithin:
    unit = 100 if column.type == "yuan" else 1
    bounds = [] if limit.min is None else [f"at least {limit.min}"]
    bounds += [] if limit.max is None else [f"at most {limit.max}"]
    return _AmountWithin(
        numbers.index(column.name),
        -ANY_NUMBER if limit.min is None else limit.min * unit,
        limit.max * unit if isinstance(limit.max, int) else None,
        numbers.index(limit.max) if isinstance(limit.max, str) else None,
        _row_limit(column, limit, feed, place, "RANGE", " and ".join(bounds)),
    )


def _row_limit(
    column: Column, limit: Limit, feed: Feed, place: dict[str, int], reason: Reason, expected: str
) -> _RowLimit:
    codes = {one.name: one.codes for one in feed.columns}
    where = tuple(
        (place[name], frozenset(theirs for theirs, ours in codes[name].items() if ours == word))
        for name, word in limit.where.items()
    )
    rows = "".join(f", where {name} is {word}" for name, word in limit.where.items())
    return _RowLimit(where, column.name, reason, expected + rows)


def _letters(column: Column, form: FileForm) -> tuple[str, str]:
    """What each character of an id or a text may be, after a lookahead at the whole field; and the same in words."""
    is_id = column.type == "id"
    characters = values.id_characters(form.id_characters) if is_id else values.text_characters(form.delimiter)
    in_words = f"letters, digits and {form.id_characters}" if is_id else f"text without {values.NO_TEXT_IN_WORDS}"
    pattern = f"{values.is_something(form.delimiter, form.nulls, is_id=is_id)}[{characters}]"
    return pattern, f"{in_words}, and no word for nothing such as NULL"


class _JudgedColumn:
    """What one column may hold; `in_line` is its part of the line's pattern, a group if its value is needed.

    `in_their_line` is the same for the carrier's notation. `shortest` and `longest` are the bytes that a good value
    takes; `usual` is the usual range of amounts, in the smallest unit.
    """

    def __init__(self, column: Column, form: FileForm, *, is_captured: bool) -> None:
        self.name, self.is_number = column.name, column.type in NUMBERS
        self.is_captured = is_captured or self.is_number
        self._required, self._length, longest, shortest = column.required, None, 0, 1
        self.to_number = smallest_unit if column.type == "yuan" else int
        unit = 100 if column.type == "yuan" else 1
        self.range = column.range
        self.usual = (column.usual.min * unit, column.usual.max * unit) if column.usual else (0, ANY_NUMBER)
        self._range_in_words = f"from {self.range[0] // unit} to {self.range[1] // unit}" + " yuan" * (unit == 100)
        self._nulls, self._codes = frozenset(form.nulls), column.codes
        self._prefixes = form.phone.prefixes if column.type == "phone" else ()
        ours: str | None = None  # the pattern of our notation, where the carrier's may differ
        # possessive throughout: no character of a field is the delimiter, so going back over it never helps
        if column.type in {"id", "text"}:
            self._length = column.most_characters
            pattern, self._words = _letters(column, form)
            pattern += f"{{1,{self._length}}}+"
        elif column.type == "phone":
            numbers = "|".join(map(values.phone_number, form.phone.numbers))
            prefixes = "|".join(map(re.escape, self._prefixes))
            ours = f"(?:{numbers})"
            self._is_plain = re.compile(ours).fullmatch
            pattern = f"(?:{ours}|(?:{prefixes}){ours})" if prefixes else ours
            self._words = f"a phone number {' or '.join(form.phone.numbers)}"
            self._words += f", maybe behind {', '.join(self._prefixes)}" if prefixes else ""
            shortest = min(map(len, form.phone.numbers))
            longest = max(map(len, form.phone.numbers)) + max(map(len, self._prefixes), default=0)
        elif column.type == "code":
            pattern = f"(?:{'|'.join(map(re.escape, column.codes))})"
            same = [re.escape(word) for word, ours_is in column.codes.items() if word == ours_is]
            ours = f"(?:{'|'.join(same)})" if same else "(?!)"
            self._words = f"one of {', '.join(column.codes)}"
            shortest, longest = min(map(len, column.codes)), max(map(len, column.codes))
        elif column.type in TIMES:
            pattern = (values.date if column.type == "date" else values.timestamp)(*self.range)
            form_in_words = "date yyyymmdd" if column.type == "date" else "timestamp yyyymmddHHMMSS"
            self._words = f"a {form_in_words} of the years {self.range[0]} to {self.range[1]}"
            shortest = longest = 8 if column.type == "date" else 14
        else:
            pattern, self._words, shortest, longest = _FORMS[column.type]
        self.shortest = shortest if column.required else 0
        self.longest = max(_LONGEST_CHARACTER * (self._length or longest), *map(len, form.nulls), 0)
        self._reason: Reason = "CODE" if column.type == "code" else "TYPE"
        self.match = re.compile(pattern).fullmatch
        self.is_respelled = bool(self._nulls or self._prefixes) or any(
            theirs != ours_is for theirs, ours_is in column.codes.items()
        )
        self.in_line = self._in_line(ours or pattern, ())
        self.in_their_line = self._in_line(pattern, () if column.required else form.nulls)

    def _in_line(self, pattern: str, nulls: tuple[str, ...]) -> str:
        value = f"({pattern})" if self.is_captured else pattern
        if self._required:
            return value if self.is_captured else f"(?:{value})"
        return f"(?:{'|'.join([value, *map(re.escape, nulls)])})?+"

    def or_nothing(self, value: str) -> str:
        """The value as it came, empty if it is a null marker and not one of the column's own codes."""
        return "" if value in self._nulls and not self.match(value) else value

    def ours(self, value: str) -> str:
        """The value in our notation: our code, empty for a null marker, a number without its prefix."""
        value = self.or_nothing(value)
        if self._codes:
            return self._codes[value] if value else ""
        if self._prefixes and value and not self._is_plain(value):
            return next(
                value.removeprefix(prefix)
                for prefix in self._prefixes
                if value.startswith(prefix) and self._is_plain(value.removeprefix(prefix))
            )
        return value

    def fault(self, value: str) -> tuple[Reason, str] | None:
        """Say what is wrong with a value: (reason, what was expected), None if nothing is."""
        value = self.or_nothing(value)
        if value == "":
            return ("REQUIRED", "a value") if self._required else None
        if self._length is not None and len(value) > self._length:
            return "LENGTH", f"at most {self._length} characters, found {len(value)}"
        if not self.match(value):
            return self._reason, self._words
        least, most = self.range
        if self.is_number and not least <= self.to_number(value) <= most:
            return "RANGE", self._range_in_words
        return None
