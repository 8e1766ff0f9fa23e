"""The carrier's answer to one of our files: `ack/<interface>/<stem>.rsp`, bytes to an `Answer`.

First line `file|status|rows_ok|rows_failed`, for BAD with a code in a fifth field; for SEMIWRONG then one line
`key|code|message` for each refused row. ASCII, but for the messages, which are GB18030.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, NamedTuple, cast

Status = Literal["RIGHT", "BAD", "SEMIWRONG"]

LONGEST_ROW = 1024  # bytes of a refused row, on average: key, code, and a message
LONGEST_LINE = 64 << 10  # bytes of any one line

_FILE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,199})(?:\.[a-z0-9]{1,8})?(?:\.gz)?")
_COUNT = re.compile(r"[0-9]{1,9}")
_WORD = re.compile(rb"[!-{}~]{1,200}")  # a key or a code: printable ASCII without blank and without `|`
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class AnswerError(Exception):
    """An answer that cannot be read. `reason`: HEADER, NAME, STATUS, COUNT, ROW or KEY; `detail`: what it says
    there.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class AnswerRow(NamedTuple):
    """One refused row: the key that it was sent under, the carrier's code, and its message."""

    key: str
    code: str
    message: str


@dataclass(frozen=True)
class Answer:
    """What the carrier says to one file. `stem` is the file's name without its ending; only BAD has a `code`."""

    stem: str
    status: Status
    rows_ok: int
    rows_failed: int
    code: str | None
    rows: tuple[AnswerRow, ...]


class Header(NamedTuple):
    """The first line of an answer. `stem` is the file's name without its ending; only BAD has a `code`."""

    stem: str
    status: Status
    rows_ok: int
    rows_failed: int
    code: str | None

    @property
    def refused(self) -> int:
        """How many refused rows are listed after it."""
        return self.rows_failed if self.status == "SEMIWRONG" else 0


def read_header(source: BinaryIO) -> Header:
    """Read the first line of an answer, or raise AnswerError. The source is then at the first row."""
    header = _header(source.readline(LONGEST_LINE).rstrip(b"\r\n"))
    status, rows_ok, rows_failed = header.status, header.rows_ok, header.rows_failed
    if (
        (status == "RIGHT" and rows_failed)
        or (status == "BAD" and rows_ok)
        or (status == "SEMIWRONG" and not rows_failed)
    ):
        raise AnswerError("COUNT", f"status {status} with {rows_ok} rows accepted and {rows_failed} refused")
    return header


def read_rows(source: BinaryIO, header: Header) -> Iterator[AnswerRow]:
    """Give the refused rows that follow a header, one at a time, or raise AnswerError unless there are exactly as many
    as it says.

    Duplicate keys are not checked here.
    """
    count = 0
    # no byte of a GB18030 character is a line's end
    for line in iter(lambda: source.readline(LONGEST_LINE + 1), b""):
        if not line.strip(b"\r\n") and not source.read(1 << 10).strip(b"\r\n"):
            break  # empty lines at the end
        count += 1
        if count > header.refused:
            break
        if len(line) > LONGEST_LINE:
            raise AnswerError("ROW", f"line {count + 1} has more than {LONGEST_LINE} bytes")
        yield _row(count + 1, line.rstrip(b"\r\n"))
    if count != header.refused:
        found = "more" if count > header.refused else str(count)
        raise AnswerError(
            "COUNT", f"{found} lines follow, expected {header.refused}: the answer was cut short or mixed up"
        )


def parse_answer(raw: bytes) -> Answer:
    """Read one answer whole, or raise AnswerError: an answer that was cut short or contradicts itself settles nothing.

    RIGHT refuses no row, BAD accepts none; SEMIWRONG lists each refused row once.
    """
    source = io.BytesIO(raw)
    header = read_header(source)
    rows = tuple(read_rows(source, header))
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if row.key in seen:
            raise AnswerError("KEY", twice(number))
        seen.add(row.key)
    return Answer(*header, rows)


def twice(line_no: int) -> str:
    """The message about a duplicate key; the key is not shown, since nobody knows what it holds."""
    return f"line {line_no}: its key occurs twice, expected once"


def _header(line: bytes) -> Header:
    # Unreadable text is not shown: it may be anything, even a secret.
    try:
        fields = line.decode("ascii").split("|")
    except UnicodeDecodeError as error:
        raise AnswerError("HEADER", f"first line: expected ASCII, byte {error.start + 1} is none") from None
    if len(fields) not in {4, 5}:
        raise AnswerError("HEADER", f"first line: {len(fields)} fields, expected file|status|rows_ok|rows_failed")
    file, status, ok, failed = fields[:4]
    code = fields[4] if len(fields) == 5 else ""
    name = _FILE.fullmatch(file)
    if name is None:
        raise AnswerError("NAME", "the first field of the first line: expected the name of a file in out/")
    if status not in {"RIGHT", "BAD", "SEMIWRONG"}:
        raise AnswerError("STATUS", "the second field of the first line: expected RIGHT, BAD or SEMIWRONG")
    if not (_COUNT.fullmatch(ok) and _COUNT.fullmatch(failed)):
        raise AnswerError("HEADER", "the third and fourth field of the first line: expected whole numbers")
    if (status == "BAD") != bool(code) or (code and not _WORD.fullmatch(code.encode())):
        raise AnswerError(
            "HEADER", f"the fifth field of the first line with status {status}: expected a code for BAD, else none"
        )
    return Header(name[1], cast("Status", status), int(ok), int(failed), code or None)


def _row(number: int, line: bytes) -> AnswerRow:
    # Split before decoding, here alone: key and code come first and are ASCII; a message's bytes may hold a `|`.
    fields = line.split(b"|", 2)
    if len(fields) != 3 or not _WORD.fullmatch(fields[0]) or not _WORD.fullmatch(fields[1]):
        raise AnswerError("ROW", f"line {number}: expected key|code|message")
    message = _CONTROL.sub("\ufffd", fields[2].decode("gb18030", errors="replace"))  # PostgreSQL's text holds no NUL
    return AnswerRow(fields[0].decode(), fields[1].decode(), message)
