"""A data file, read once from its first byte to its last: its lines judged on the way, the file itself at the end."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from laoyouhui.config.carrier import Feed, FileForm
from laoyouhui.feeds.checkfile import Check
from laoyouhui.feeds.lines import LONGEST_LINE, BadRow, Judged, LineJudge, LineTooLongError, control_total

FileReason = Literal[
    "NAME",
    "CHECK_FILE",
    "SIZE",
    "CHECKSUM",
    "GZIP",
    "LINE_TOO_LONG",
    "BOMB",
    "HEADER",
    "ROWS",
    "CONTROL_TOTAL",
    "BAD_ROWS",
]

_BLOCK = 1 << 18
_BOMB_RATIO, _BOMB_BYTES = 200, 64 << 20
_BAD_ROWS_SHOWN = 100  # of a file that is set aside as a whole: enough to see why


@dataclass(frozen=True)
class Verdict:
    """Why a whole file is set aside."""

    reason: FileReason
    detail: str


class FileScan:
    """One pass over one data file. Go through `judged` to its end, then ask for the `verdict`.

    `check` is None where the check file cannot be read: then the rows are counted, and that is all. `bad` keeps the bad
    rows: all while the file may still count, the first ones when more than `limit_bp` basis points of its rows are bad.
    `bytes` and `sha256` are those of the file as delivered, `rows` does not count a header line.
    """

    def __init__(self, feed: Feed, form: FileForm, check: Check | None, limit_bp: int) -> None:
        self._feed, self._form, self._check, self._limit_bp = feed, form, check, limit_bp
        self._broken: Verdict | None = None
        self._total, self._unreadable = 0, 0
        self.bytes, self.sha256 = 0, ""
        self.rows, self.bad_rows = 0, 0
        self.bad: list[BadRow] = []

    def judged(self, source: BinaryIO, *, gzipped: bool) -> Iterator[Judged]:
        """Read the file and give its lines, judged, in blocks of about 256 KB; never raises on what the file holds."""
        delivered = _Delivered(source)
        reader = io.BufferedReader(delivered, _BLOCK)
        judge = LineJudge(self._feed, self._form)
        try:
            for block, first in self._without_header(_blocks(delivered, reader, gzipped=gzipped)):
                judged = judge.judge(block, first)
                self._count(judged)
                yield judged
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self._broken = Verdict("GZIP", f"the gzip data are broken: {error}")
        except LineTooLongError:
            at_least = self.rows + 1 + self._form.header
            self._broken = Verdict(
                "LINE_TOO_LONG", f"line {at_least} or a later one has more than {LONGEST_LINE} bytes"
            )
        except _BombError:
            limit = f"{_BOMB_RATIO} times its size and {_BOMB_BYTES >> 20} MB"
            self._broken = Verdict("BOMB", f"unpacked, the file has more than {limit}: not read to its end")
        while reader.read(_BLOCK):
            pass  # what a broken file has left: size and checksum are those of the whole
        self.bytes, self.sha256 = delivered.bytes, delivered.sha256.hexdigest()

    @property
    def hopeless(self) -> bool:
        """Whether it is certain already that the file is set aside, so that its rows need not be loaded."""
        return self._broken is not None or self._check is None or self._too_many_bad(max(self.rows, self._check.rows))

    def verdict(self) -> Verdict | None:
        """Say why the file is set aside; None where it counts. Needs a `check`."""
        return next(self._faults(), None)

    def _faults(self) -> Iterator[Verdict]:
        """All that is wrong with the file, the cause before what follows from it."""
        check = self._check
        if check is None:
            raise ValueError("a file without a readable check file has no verdict of its own")
        if self.bytes != check.bytes:
            yield Verdict("SIZE", f"{self.bytes} bytes, the check file says {check.bytes}")
        if self.sha256 != check.sha256:
            yield Verdict("CHECKSUM", f"sha256 is {self.sha256}, the check file says {check.sha256}")
        if self._broken is not None:
            yield self._broken
        if self.rows != check.rows:
            yield Verdict("ROWS", f"{self.rows} rows, the check file says {check.rows}")
        if self._control_differs() and not self._unreadable:
            yield Verdict("CONTROL_TOTAL", self._both_totals())
        if self._too_many_bad(self.rows):
            first = self.bad[0]
            yield Verdict(
                "BAD_ROWS",
                f"{self.bad_rows} of {self.rows} rows are bad, the limit is {self._limit_bp} basis points; "
                f"line {first.line_no}: {first.reason} {first.field or ''}: expected {first.expected}",
            )

    def note(self) -> str | None:
        """What is to be known of a file that counts although its control total could not be proved."""
        if self._control_differs():
            return f"{self._both_totals()}; {self._unreadable} bad rows have no amount that can be read"
        return None

    def _without_header(self, blocks: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
        for block, first in blocks:
            if first > 1 or not self._form.header:
                yield block, first
                continue
            head, newline, rows = block.partition(b"\n")
            titles = head.decode(self._form.encoding, "replace").split(self._form.delimiter)
            if titles != self._feed.header:
                expected = self._form.delimiter.join(self._feed.header)
                self._broken = Verdict("HEADER", f"the first line is {head[:200]!r}, expected {expected}")
            if newline:
                yield rows, 2

    def _count(self, judged: Judged) -> None:
        self.rows += len(judged.lines) + len(judged.bad)
        self.bad_rows += len(judged.bad)
        self._total += judged.control_total
        self._unreadable += judged.unreadable
        self.bad += judged.bad
        if self.hopeless:
            del self.bad[_BAD_ROWS_SHOWN:]

    def _too_many_bad(self, rows: int) -> bool:
        return self.bad_rows * 10_000 > self._limit_bp * rows

    def _control_differs(self) -> bool:
        column = self._feed.control_column
        if column is None or self._check is None:
            return False
        said = self._check.control_total or ("0" if self.rows == 0 else "")
        return control_total(said, column) != self._total

    def _both_totals(self) -> str:
        said = self._check.control_total if self._check else ""
        return f"the column {self._feed.control} sums to {self._total} fen, the check file says {said!r}"


class _BombError(Exception):
    """The file unpacks to far more than any feed's data would."""


class _Delivered(io.RawIOBase):
    """The bytes as delivered, counted and hashed while they are read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.bytes, self.sha256 = 0, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: any writeable buffer
        data = self._source.read(len(buffer))
        self.bytes += len(data)
        self.sha256.update(data)
        buffer[: len(data)] = data
        return len(data)


def _blocks(
    delivered: _Delivered, reader: io.BufferedReader[_Delivered], *, gzipped: bool
) -> Iterator[tuple[bytes, int]]:
    """Unpack, and give whole lines, about 256 KB at once without the last LF, with the number of the first of them."""
    unpacked = gzip.GzipFile(fileobj=reader) if gzipped else reader
    size, line_no, rest = 0, 1, b""
    while data := unpacked.read(_BLOCK):
        size += len(data)
        if size > _BOMB_RATIO * delivered.bytes + _BOMB_BYTES:
            raise _BombError
        lines, newline, rest = (rest + data).rpartition(b"\n")
        if newline:
            yield lines, line_no
            line_no += lines.count(b"\n") + 1
        if len(rest) > LONGEST_LINE:
            raise LineTooLongError
    if rest:
        yield rest, line_no
