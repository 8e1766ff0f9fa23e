"""Lines of a feed, judged: what each column may hold, and why a line is bad.

A good line is told by one regular expression for the whole line; only a line that it refuses goes the slow way, which
says the reason. The slow way alone decides: whatever it finds nothing against is good.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from laoyouhui.config.carrier import NUMBERS, Column, Feed, FileForm

Reason = Literal["ENCODING", "NUL", "FIELDS", "REQUIRED", "TYPE", "LENGTH", "CODE", "RANGE"]

MASK = "***"  # in place of what may hold a secret
LONGEST_LINE = 64 * 1024  # bytes
_ID_LENGTH, _TEXT_LENGTH = 64, 200  # characters, where the profile says nothing
_ANY_NUMBER = 10**15

_TIME = "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_DATE = (  # the calendar from year 1 on, 29 February in leap years alone
    "(?!0000)(?:[0-9]{4}(?:"
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)0229)"
)
_FORMS = {  # pattern, what it is in words, most characters
    "date": (_DATE, "a date yyyymmdd", 8),
    "timestamp": (_DATE + _TIME, "a timestamp yyyymmddHHMMSS", 14),
    "int": ("[-+]?+[0-9]{1,15}+", "a whole number of at most 15 digits", 16),
    "fen": ("-?+[0-9]{1,15}+", "whole fen, at most 15 digits", 16),
    "yuan": (r"-?+[0-9]{1,13}+\.[0-9]{2}", "yuan with two decimals, such as 1234.50", 17),
}
_LONGEST_CHARACTER = 4  # bytes, in each encoding that a profile can name


class LineTooLongError(Exception):
    """A line of more than 64 KiB: no row of any feed; the file is not what its name says."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is set aside.

    `field` is None where the fault is the whole line's; `text` where the bytes are no text, or hold NUL, which the
    warehouse cannot keep. Of a feed with secrets neither is kept: in a bad line a secret may stand anywhere.
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
    each number column, the good lines whose amount is not where the profile says that it usually lies.
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
    """Read a check file's control total, in the column's unit, as fen; None where it is none. `100.5` yuan will do."""
    whole, _, decimals = said.partition(".")
    if not re.fullmatch("-?[0-9]{1,18}", whole) or (decimals and column.type != "yuan"):
        return None
    return int(whole + (decimals.ljust(2, "0") if column.type == "yuan" else ""))


class LineJudge:
    """Judges the lines of one feed; made once a feed, since its regular expression takes a while to compile."""

    def __init__(self, feed: Feed, form: FileForm) -> None:
        self._encoding, self._delimiter = form.encoding, form.delimiter
        self._has_secrets = bool(feed.secrets)
        self._columns = [_JudgedColumn(column, form.delimiter) for column in feed.columns]
        self._control = next((at for at, column in enumerate(feed.columns) if column.name == feed.control), None)
        ranged = [at for at, column in enumerate(self._columns) if column.is_number]
        self._ranges = [
            (group, *self._columns[at].range, *self._columns[at].usual, feed.columns[at].name)
            for group, at in enumerate(ranged, start=1)
        ]
        self._control_group = 0 if self._control is None else ranged.index(self._control) + 1
        self._match = re.compile(re.escape(form.delimiter).join(column.in_line for column in self._columns)).fullmatch
        self.longest_row = sum(column.longest + 1 for column in self._columns)  # bytes of a good row and its LF
        # where the carrier's words for a code are not ours: by place in the line
        self._words = {
            at: column.codes
            for at, column in enumerate(feed.columns)
            if any(theirs != ours for theirs, ours in column.codes.items())
        }

    def judge(self, block: bytes, first: int) -> Judged:
        """Judge the lines of a block, parted by LF (its last byte is none); the first line has the number `first`.

        Raises LineTooLongError.
        """
        lines = self._decode(block)
        total, suspects = 0, []
        unusual: Counter[str] = Counter()
        match, ranges, control = self._match, self._ranges, self._control_group
        for at, line in enumerate(lines):
            found = None if line is None else match(line)
            if found is None:
                suspects.append(at)
                continue
            amount = 0
            for group, least, most, low, high, column in ranges:
                number = found[group]
                if number:
                    value = smallest_unit(number)
                    if not least <= value <= most:
                        suspects.append(at)
                        break
                    if group == control:
                        amount = value
                    if value and not low <= abs(value) <= high:
                        unusual[column] += 1
            else:
                total += amount
        judged = Judged(range(first, first + len(lines)), cast("list[str]", lines), [], total, 0, unusual)
        if suspects:
            self._look_closely(judged, suspects, block.split(b"\n"))
        if self._words:
            judged.lines = [self._in_our_words(line) for line in judged.lines]
        return judged

    def _decode(self, block: bytes) -> list[str | None]:
        """Decode first, then split: in GB18030 the byte `|` stands inside characters; LF never does."""
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
        return None

    def _amount(self, text: str | None) -> int | None:
        """The control column's amount in a bad line, in fen: 0 where it is empty, None where it cannot be read."""
        fields = [] if text is None else text.split(self._delimiter)
        if self._control is None or len(fields) != len(self._columns):
            return None
        value, column = fields[self._control], self._columns[self._control]
        if value == "":
            return 0
        return smallest_unit(value) if column.match(value) else None

    def _in_our_words(self, line: str) -> str:
        fields = line.split(self._delimiter)
        for at, words in self._words.items():
            fields[at] = words.get(fields[at], "")
        return self._delimiter.join(fields)


class _JudgedColumn:
    """What one column may hold; `in_line` is its part of the line's pattern, with a group where it is a number.

    `longest` is the most bytes that a good value takes; `usual` is where amounts lie, in the smallest unit.
    """

    def __init__(self, column: Column, delimiter: str) -> None:
        self.name, self.is_number = column.name, column.type in NUMBERS
        self._required, self._length, longest = column.required, None, 0
        unit = 100 if column.type == "yuan" else 1
        self.range = (
            -_ANY_NUMBER if column.min is None else column.min * unit,
            _ANY_NUMBER if column.max is None else column.max * unit,
        )
        self.usual = (column.usual.min * unit, column.usual.max * unit) if column.usual else (0, _ANY_NUMBER)
        self._range_in_words = f"from {column.min} to {column.max}" + (" yuan" if unit == 100 else "")
        # possessive throughout: no character of a field is the delimiter, so going back over it never helps
        if column.type == "id":
            self._length = column.length or _ID_LENGTH
            allowed = "".join(re.escape(chr(code)) for code in range(0x21, 0x7F) if chr(code) != delimiter)
            pattern, self._words = f"[{allowed}]{{1,{self._length}}}+", "printable ASCII without blanks"
        elif column.type == "text":
            self._length = column.length or _TEXT_LENGTH
            pattern, self._words = rf"[^\0\r\n{re.escape(delimiter)}]{{1,{self._length}}}+", "text"
        elif column.type == "code":
            pattern, self._words = f"(?:{'|'.join(map(re.escape, column.codes))})", f"one of {', '.join(column.codes)}"
            longest = max(map(len, column.codes))
        else:
            pattern, self._words, longest = _FORMS[column.type]
        self.longest = _LONGEST_CHARACTER * (self._length or longest)
        self._reason: Reason = "CODE" if column.type == "code" else "TYPE"
        self.match = re.compile(pattern).fullmatch
        whole = f"(?:{pattern})" if self._required else f"(?:{pattern})?+"
        self.in_line = f"({whole})" if self.is_number else whole

    def fault(self, value: str) -> tuple[Reason, str] | None:
        """Say what is wrong with a value: (reason, what was expected), None where nothing is."""
        if value == "":
            return ("REQUIRED", "a value") if self._required else None
        if self._length is not None and len(value) > self._length:
            return "LENGTH", f"at most {self._length} characters, found {len(value)}"
        if not self.match(value):
            return self._reason, self._words
        least, most = self.range
        if self.is_number and not least <= smallest_unit(value) <= most:
            return "RANGE", self._range_in_words
        return None
