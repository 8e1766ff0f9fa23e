"""A data file, read once from its first byte to its last: its lines are judged on the way, the file itself at the
end.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
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
    "ENCODING",
    "ROWS",
    "CONTROL_TOTAL",
    "UNIT",
    "BAD_ROWS",
    "EMPTY",
]

_BLOCK = 1 << 18
_BOMB_RATIO, _BOMB_BYTES = 200, 64 << 20
_DEFLATE_RATIO = 1032  # gzip packs nothing into less
_BAD_ROWS_SHOWN = 100  # of a file that is quarantined whole: enough to see why
_BAD_ROWS_IN_MEMORY = 4 << 20  # bytes; what is more waits on disk
_FEW_ROWS = 50  # amounts of fewer rows do not tell their unit
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF8_PROOF = 4  # Chinese characters: GB18030 text reads as so many by chance once in 10**8 files
_CHINESE = re.compile("[\u2e80-\uffef]")


@dataclass(frozen=True)
class Verdict:
    """Why a whole file is quarantined."""

    reason: FileReason
    detail: str


class FileScan:
    """One pass over one data file. Go through `judged` to its end, then ask for the `verdict`.

    `check` is None where the check file cannot be read: then the rows are counted, and that is all. `closes` is the day
    in the file's name; `size` its bytes as listed, if known. The check file's claims count only up to what a file of
    that size can hold. `bad` gives the bad rows: all while the file may still count, the first ones when more than
    `limit_bp` basis points of its rows are bad. `bytes` and `sha256` are those of the file as delivered, `rows` does
    not count a header line. As soon as it is certain that the file is quarantined, its rows are counted and no longer
    judged: `bad_rows` are those of the rows read until then.
    """

    def __init__(
        self,
        feed: Feed,
        form: FileForm,
        check: Check | None,
        limit_bp: int,
        *,
        closes: date | None = None,
        size: int | None = None,
    ) -> None:
        self._feed, self._form, self._check, self._limit_bp = feed, form, check, limit_bp
        self._judge = LineJudge(feed, form, closes)
        self._broken: Verdict | None = None
        if check is not None and size is not None and size != check.bytes:
            self._broken = Verdict("SIZE", f"{size} bytes, the check file says {check.bytes}")
        self._total, self._unreadable = 0, 0
        self._unusual: Counter[str] = Counter()
        self._utf8: int | None = None if form.encoding == "utf-8" else 0  # Chinese characters; None: it is not UTF-8
        self._kept = _Spool()
        self._awaits_header, self._claims_too_much = form.header, False
        self.bytes, self.sha256 = 0, ""
        self.rows, self.judged_rows, self.bad_rows = 0, 0, 0

    def judged(self, source: BinaryIO, *, gzipped: bool) -> Iterator[Judged]:
        """Read the file and give its lines, judged, in blocks of about 256 KB; never raises on what the file holds."""
        delivered = _Delivered(source)
        reader = io.BufferedReader(delivered, _BLOCK)
        lines = _Lines(self._unpacked(delivered, reader) if gzipped else iter(lambda: reader.read(_BLOCK), b""))
        self._claims_too_much = self._check is not None and not self._can_hold(self._check, gzipped=gzipped)
        try:
            yield from self._judged(lines)
            for rows in lines.count():
                self.rows += rows
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self._broken = Verdict("GZIP", f"the gzip data are broken: {error}")
        except _BombError as error:
            self._broken = Verdict("BOMB", f"unpacked, the file has more than {error}: not read to its end")
        self.rows += lines.is_within  # the line in which a file breaks off is a row, too
        self.rows = max(self.rows - self._awaits_header, 0)
        while reader.read(_BLOCK):
            pass  # read the rest of a broken file: size and checksum are those of the whole
        self.bytes, self.sha256 = delivered.bytes, delivered.sha256.hexdigest()

    @property
    def hopeless(self) -> bool:
        """Whether it is certain already that the file is quarantined, so that its rows need not be loaded."""
        check = self._check
        if self._broken is not None or check is None or self._claims_too_much:
            return True
        return self.rows > check.rows or self._too_many_bad(max(self.rows, check.rows))

    @property
    def bad(self) -> Iterator[BadRow]:
        """The bad rows, in the order of their lines; of a file that is quarantined as a whole the first 100."""
        return islice(self._kept, _BAD_ROWS_SHOWN if self.hopeless else None)

    def verdict(self) -> Verdict | None:
        """Say why the file is quarantined; None where it counts. Needs a `check`."""
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
        if self._utf8 is not None and self._utf8 >= _UTF8_PROOF:
            yield Verdict("ENCODING", f"the text is UTF-8, expected {self._form.encoding}")
        if self.rows != check.rows:
            yield Verdict("ROWS", f"{self.rows} rows, the check file says {check.rows}")
        if self.judged_rows == self.rows and self._control_differs() and not self._unreadable:
            yield Verdict("CONTROL_TOTAL", self._both_totals())
        yield from self._unit_faults()
        if self._too_many_bad(self.rows):
            first = next(self.bad)
            yield Verdict(
                "BAD_ROWS",
                f"{self.bad_rows} of {self.judged_rows} rows{self._so_far()} are bad, the limit is {self._limit_bp} "
                f"basis points of {self.rows}; "
                f"line {first.line_no}: {first.reason} {first.field or ''}: expected {first.expected}",
            )

    def _unit_faults(self) -> Iterator[Verdict]:
        for column in self._feed.columns:
            usual = column.usual
            if usual is None or self.judged_rows < _FEW_ROWS:
                continue
            unusual = self._unusual[column.name]
            if unusual * 10_000 > self.judged_rows * (10_000 - usual.share_bp):
                yield Verdict(
                    "UNIT",
                    f"{column.name}: {unusual} of {self.judged_rows} amounts{self._so_far()} are not from {usual.min} "
                    f"to {usual.max} {column.unit}, expected at most {10_000 - usual.share_bp} basis points: "
                    "another unit?",
                )

    def _so_far(self) -> str:
        return "" if self.judged_rows == self.rows else " read so far"

    def note(self) -> str | None:
        """A note about a file that counts although its control total could not be verified."""
        if self._control_differs():
            return f"{self._both_totals()}; {self._unreadable} bad rows have no amount that can be read"
        return None

    def _judged(self, lines: _Lines) -> Iterator[Judged]:
        """Judge the lines until it is certain that the file is quarantined."""
        try:
            for block, first in self._without_header(lines.blocks()):
                try:
                    judged = self._judge.judge(block, first)
                except LineTooLongError:
                    self.rows += block.count(b"\n") + 1
                    raise
                self._count(judged)
                yield judged
                if self.hopeless:
                    return
        except LineTooLongError:
            after = self.judged_rows + self._form.header - self._awaits_header
            self._broken = Verdict("LINE_TOO_LONG", f"a line after line {after} has more than {LONGEST_LINE} bytes")

    def _without_header(self, blocks: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
        for block, first in blocks:
            self._notice_encoding(block, first)
            if not self._awaits_header:
                yield block, first
                continue
            self._awaits_header = False
            head, newline, rows = block.partition(b"\n")
            titles = head.decode(self._form.encoding, "replace").split(self._form.delimiter)
            if titles != self._feed.header:
                expected = self._form.delimiter.join(self._feed.header)
                known = len(set(titles) & set(self._feed.header))  # not shown: it may be a row of a feed with secrets
                self._broken = Verdict(
                    "HEADER", f"the first line has {len(titles)} titles, {known} of them known, expected {expected}"
                )
            if newline:
                yield rows, 2

    def _notice_encoding(self, block: bytes, first: int) -> None:
        """Count the Chinese characters of a file that may be UTF-8: some of its lines would pass for GB18030."""
        if self._utf8 is None or block.isascii():
            return
        try:
            self._utf8 += len(_CHINESE.findall(block.decode("utf-8")))
        except UnicodeDecodeError:
            self._utf8 = None
        else:
            if first == 1 and block.startswith(_UTF8_MARK):
                self._utf8 += _UTF8_PROOF

    def _unpacked(self, delivered: _Delivered, reader: io.BufferedReader[_Delivered]) -> Iterator[bytes]:
        """Unpack in pieces of at most 256 KB, and no further than any valid file goes."""
        unpacked, size = gzip.GzipFile(fileobj=reader), 0
        declared = None if self._check is None else self._check.rows * self._judge.longest_row
        while data := unpacked.read(_BLOCK):
            size += len(data)
            if declared is not None and size > declared + _BOMB_BYTES:
                raise _BombError(f"the {declared} bytes of the rows in the check file and {_BOMB_BYTES >> 20} MB")
            if size > _BOMB_RATIO * delivered.bytes + _BOMB_BYTES:
                raise _BombError(f"{_BOMB_RATIO} times its size and {_BOMB_BYTES >> 20} MB")
            yield data

    def _count(self, judged: Judged) -> None:
        self.rows += len(judged.lines) + len(judged.bad)
        self.judged_rows = self.rows
        self.bad_rows += len(judged.bad)
        self._total += judged.control_total
        self._unreadable += judged.unreadable
        self._unusual += judged.unusual
        self._kept.extend(judged.bad[: _BAD_ROWS_SHOWN if self.hopeless else None])

    def _can_hold(self, check: Check, *, gzipped: bool) -> bool:
        """Whether a file of the check file's size can hold the check file's rows, most of which must be good.

        Without this, a gzip of 620 bytes that claims 10**15 rows could have one bad row in 100 kept.
        """
        unpacked = min(_DEFLATE_RATIO, _BOMB_RATIO + _BOMB_BYTES // max(check.bytes, 1)) * check.bytes
        least = self._judge.shortest_row * (10_000 - self._limit_bp) + self._limit_bp  # of a bad one the LF
        return check.rows * least <= ((unpacked if gzipped else check.bytes) + 1) * 10_000

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
    """The file unpacks to far more than any feed's data would; the message says what the limit is."""


class _Spool:
    """Bad rows in their order: 1 % of a large file is too much for memory."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_BAD_ROWS_IN_MEMORY)  # noqa: SIM115 (it goes with this object)

    def extend(self, rows: Iterable[BadRow]) -> None:
        self._file.seek(0, io.SEEK_END)
        for row in rows:
            pickle.dump(row, self._file)

    def __iter__(self) -> Iterator[BadRow]:
        end = self._file.seek(0, io.SEEK_END)
        at = 0
        while at < end:
            self._file.seek(at)
            row: BadRow = pickle.load(self._file)  # noqa: S301 (written above, seen by nobody else)
            at = self._file.tell()
            yield row


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


class _Lines:
    """The lines of a file that comes in pieces: whole ones in blocks, and, once lines no longer matter, only their
    number.

    `is_within` says whether the bytes so far end inside a line that neither has given yet.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self.is_within = False

    def blocks(self) -> Iterator[tuple[bytes, int]]:
        """Give whole lines, about 256 KB at once without the last LF, with the number of the first of them.

        Raises LineTooLongError where a line does not end: no more than a line of 64 KB is held.
        """
        line_no = 1
        for data in self._pieces:
            lines, newline, self._rest = (self._rest + data).rpartition(b"\n")
            self.is_within = bool(self._rest)
            if newline:
                yield lines, line_no
                line_no += lines.count(b"\n") + 1
            if len(self._rest) > LONGEST_LINE:
                self._rest = b""
                raise LineTooLongError
        if self._rest:
            self.is_within = False
            yield self._rest, line_no

    def count(self) -> Iterator[int]:
        """Give the number of lines that end in each further piece; holds none of them."""
        for data in self._pieces:
            yield data.count(b"\n")
            self.is_within = not data.endswith(b"\n")
