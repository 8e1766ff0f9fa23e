"""The carrier's answer to one file of ours: `ack/<interface>/<stem>.rsp`, bytes to an `Answer`.

First line `file|status|rows_ok|rows_failed`, for BAD with a code in a fifth field; for SEMIWRONG then one line
`key|code|message` for each refused row. ASCII, but for the messages, which are GB18030.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

Status = Literal["RIGHT", "BAD", "SEMIWRONG"]

LONGEST_ROW = 1024  # bytes of a refused row, on average: key, code, and a message

_FILE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,199})(?:\.[a-z0-9]{1,8})?(?:\.gz)?")
_COUNT = re.compile(r"[0-9]{1,9}")
_WORD = re.compile(rb"[!-{}~]{1,200}")  # a key or a code: printable ASCII without blank and without `|`
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class AnswerError(Exception):
    """An answer that cannot be read. `reason`: HEADER, NAME, STATUS, COUNT, ROW or KEY; `detail`: what stands there."""

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


def parse_answer(raw: bytes) -> Answer:
    """Read one answer whole, or raise AnswerError: an answer that was cut short or contradicts itself settles nothing.

    RIGHT refuses no row, BAD accepts none; SEMIWRONG lists each refused row once.
    """
    first, *lines = raw.rstrip(b"\r\n").split(b"\n")  # no byte of a GB18030 character is a line's end
    stem, status, rows_ok, rows_failed, code = _header(first.rstrip(b"\r"))
    if (
        (status == "RIGHT" and rows_failed)
        or (status == "BAD" and rows_ok)
        or (status == "SEMIWRONG" and not rows_failed)
    ):
        raise AnswerError("COUNT", f"status {status} with {rows_ok} rows accepted and {rows_failed} refused")
    expected = rows_failed if status == "SEMIWRONG" else 0
    if len(lines) != expected:
        raise AnswerError(
            "COUNT", f"{len(lines)} lines follow, expected {expected}: the answer was cut short or mixed up"
        )
    rows = tuple(_row(number, line.rstrip(b"\r")) for number, line in enumerate(lines, start=2))
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if row.key in seen:
            raise AnswerError("KEY", f"line {number}: key {row.key!r} stands twice, expected once")
        seen.add(row.key)
    return Answer(stem, status, rows_ok, rows_failed, code, rows)


def _header(line: bytes) -> tuple[str, Status, int, int, str | None]:
    try:
        fields = line.decode("ascii").split("|")
    except UnicodeDecodeError:
        raise AnswerError("HEADER", f"first line {line[:100]!r}: expected ASCII") from None
    if len(fields) not in {4, 5}:
        raise AnswerError("HEADER", f"first line {line[:100]!r}: expected file|status|rows_ok|rows_failed")
    file, status, ok, failed = fields[:4]
    code = fields[4] if len(fields) == 5 else ""
    name = _FILE.fullmatch(file)
    if name is None:
        raise AnswerError("NAME", f"file {file[:100]!r}: expected the name of a file in out/")
    if status not in {"RIGHT", "BAD", "SEMIWRONG"}:
        raise AnswerError("STATUS", f"status {status[:100]!r}: expected RIGHT, BAD or SEMIWRONG")
    if not (_COUNT.fullmatch(ok) and _COUNT.fullmatch(failed)):
        raise AnswerError("HEADER", f"counts {ok[:20]!r} and {failed[:20]!r}: expected whole numbers")
    if (status == "BAD") != bool(code) or (code and not _WORD.fullmatch(code.encode())):
        raise AnswerError(
            "HEADER", f"code {code[:100]!r} with status {status}: expected a code for BAD, none otherwise"
        )
    return name[1], cast("Status", status), int(ok), int(failed), code or None


def _row(number: int, line: bytes) -> AnswerRow:
    # Split before decoding, here alone: key and code come first and are ASCII; a message's bytes may hold a `|`.
    fields = line.split(b"|", 2)
    if len(fields) != 3 or not _WORD.fullmatch(fields[0]) or not _WORD.fullmatch(fields[1]):
        raise AnswerError("ROW", f"line {number} {line[:100]!r}: expected key|code|message")
    message = _CONTROL.sub("\ufffd", fields[2].decode("gb18030", errors="replace"))  # PostgreSQL's text holds no NUL
    return AnswerRow(fields[0].decode(), fields[1].decode(), message)
