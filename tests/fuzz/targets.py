"""What must hold whatever bytes come in: one function a reader, each an assertion, for hypothesis and for the fuzzer.

What the readers say is compared with the plainest reading that can be written down: whole in memory, column by column,
without a regular expression for a line, without blocks.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import get_args
from unittest.mock import patch

from laoyouhui.config.carrier import Carrier, Column, Feed, FileForm, load_carrier
from laoyouhui.exports import names as sent_names
from laoyouhui.feeds import scan as scan_module
from laoyouhui.feeds.answers import AnswerError, parse_answer
from laoyouhui.feeds.checkfile import Check, CheckFileError, check_line, parse_check
from laoyouhui.feeds.lines import LONGEST_LINE, MASK, LineJudge, Reason, control_total
from laoyouhui.feeds.names import parse_stem
from laoyouhui.feeds.scan import FileReason, FileScan

CARRIER = load_carrier(Path(__file__).parents[2] / "carriers" / "china_unicom.yml")
WITH_HEADER = CARRIER.model_copy(update={"files": CARRIER.files.model_copy(update={"header": True})})
FEEDS = ("card_stock", "expense", "hall", "optout", "recharge", "subscriber")  # every kind of column; at most 16
_JUDGES: dict[int, LineJudge] = {}
LIMIT_BP = 2_000  # a fifth: a short file may have a bad row and still count


# --- the plain reading ---


def lines_of(data: bytes) -> list[bytes]:
    """The lines of a file: what stands before each LF, and what stands after the last one."""
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


CLOSES = date(2026, 1, 5)  # the day of every file that is read here
_NULL = re.compile(r"null|\(null\)|<null>|\\n", re.IGNORECASE)
_NONE = re.compile(r"none|nil|nan|nat|na|undefined|[-_.:]+", re.IGNORECASE)


def is_good(line: bytes, feed: Feed, encoding: str) -> bool:
    """Whether a line is a row that may be loaded."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return False
    values = text.split("|")
    if "\0" in text or "\r" in text or len(values) != len(feed.columns):
        return False
    if not all(_holds(value, column) for value, column in zip(values, feed.columns, strict=True)):
        return False
    row = {column.name: value for column, value in zip(feed.columns, values, strict=True)}
    return not any(_is_later(row, column) for column in feed.columns) and _is_plausible(row)


def _is_later(row: dict[str, str], column: Column) -> bool:
    """Every time of an event is up to the day; what a card says and an OUT are not."""
    if column.name not in {"recharged_at", "booked_on"} and not (column.name == "at" and "IN" in row.values()):
        return False
    return row[column.name][:8] > "20260105"


def _is_plausible(row: dict[str, str]) -> bool:
    return row.get("kind") != "RECHARGE" or 0 < int(row["paid_amount"]) <= int(row["face_amount"])


def _holds(value: str, column: Column) -> bool:  # noqa: PLR0911 (one for each type)
    if value == "":
        return not column.required
    if column.type == "id":
        known = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.:-")
        is_word = not _NULL.fullmatch(value) and not _NONE.fullmatch(value)
        return is_word and len(value) <= (column.length or 64) and set(value) <= known
    if column.type == "phone":
        for prefix in ("+86", "0086", "86"):
            if value.startswith(prefix):
                value = value.removeprefix(prefix)
                break
        return len(value) == 11 and value[0] == "1" and value.isascii() and value.isdigit()
    if column.type == "text":
        return len(value) <= (column.length or 200) and not _NULL.fullmatch(value) and not any(map(_is_no_text, value))
    if column.type == "code":
        return value in column.codes
    if column.type in {"date", "timestamp"}:
        least, most = (column.min or 1900, column.max or 2199)
        is_time = _is_time(value, "%Y%m%d" if column.type == "date" else "%Y%m%d%H%M%S")
        return is_time and least <= int(value[:4]) <= most
    amount = fen_of(value, column)
    unit = 100 if column.type == "yuan" else 1
    least = -(10**12) if column.min is None else column.min * unit
    most = 10**12 if column.max is None else column.max * unit
    return amount is not None and least <= amount <= most


def _is_no_text(sign: str) -> bool:
    """Controls, separators of lines, what turns the direction, and what is no character."""
    return (
        unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(sign) in {"LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        or ord(sign) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(sign) <= 0xFDEF
    )


def _is_time(value: str, form: str) -> bool:
    if len(value) != {"%Y%m%d": 8}.get(form, 14) or not (value.isascii() and value.isdigit()):
        return False
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 (only whether there is such a day)
    except ValueError:
        return False
    return True


def fen_of(value: str, column: Column) -> int | None:
    """A number as the smallest unit; None where it is none of this column's."""
    digits, decimals = value.removeprefix("-"), ""
    if column.type == "yuan":
        digits, point, decimals = digits.partition(".")
        if not point or len(decimals) != 2:
            return None
    if not 1 <= len(digits) <= (13 if column.type == "yuan" else 15) or not (digits + decimals).isascii():
        return None
    if not (digits + decimals).isdigit():
        return None
    return int(digits + decimals) * (-1 if value.startswith("-") else 1)


def without_header_crc(member: bytes) -> bytes:
    """Take out the checksum that a gzip header may have of itself: zlib reads it, Python's gzip passes over it."""
    flags, end = member[3:4], 10
    if not flags or not flags[0] & 2:
        return member
    if flags[0] & 4:
        end += 2 + int.from_bytes(member[10:12], "little")
    for text in (8, 16):
        if flags[0] & text:
            end = member.find(b"\0", end) + 1 or len(member)
    return member[:3] + bytes([flags[0] & ~2]) + member[4:end] + member[end + 2 :]


def unpack(data: bytes) -> tuple[bytes, bool]:
    """Unpack gzip, member after member: (all that comes out, whether it was whole)."""
    out = b""
    while data.lstrip(b"\0") or (data and not out):
        member = zlib.decompressobj(wbits=31)
        try:
            out += member.decompress(without_header_crc(data))
        except zlib.error:
            return out, False
        if not member.eof:
            return out, False
        data = member.unused_data.lstrip(b"\0")
    return out, True


@dataclass(frozen=True)
class Plain:
    """A file read plainly: its rows with their line numbers."""

    rows: dict[int, bytes]
    is_whole: bool
    good: set[int]
    total: int
    unreadable: int


def read_plainly(data: bytes, feed: Feed, carrier: Carrier, *, gzipped: bool) -> Plain:
    """Read a whole file in memory."""
    text, is_whole = unpack(data) if gzipped else (data, True)
    rows = dict(enumerate(lines_of(text), start=1))
    if carrier.files.header:
        rows.pop(1, None)
    good = {number for number, line in rows.items() if is_good(line, feed, carrier.files.encoding)}
    total = unreadable = 0
    for line in rows.values():
        if feed.control:
            amount = _amount(line, feed, carrier.files.encoding)
            total += amount or 0
            unreadable += amount is None
    return Plain(rows, is_whole, good, total, unreadable)


def _amount(line: bytes, feed: Feed, encoding: str) -> int | None:
    try:
        values = line.decode(encoding).split("|")
    except UnicodeDecodeError:
        return None
    at = next(at for at, column in enumerate(feed.columns) if column.name == feed.control)
    if len(values) != len(feed.columns):
        return None
    return 0 if values[at] == "" else fen_of(values[at], feed.columns[at])


# --- what must hold ---


def feed_file(data: bytes) -> None:
    """A data file of any bytes beside a right check file. The first byte chooses the feed, gzip, a header, blocks."""
    if not data:
        return
    choice, data = data[0], data[1:]
    name = FEEDS[choice % len(FEEDS)]
    gzipped, carrier = bool(choice & 32), WITH_HEADER if choice & 64 else CARRIER
    with (
        patch.object(scan_module, "_BLOCK", 37 if choice & 128 else 1 << 18),
        patch.object(scan_module, "LineJudge", _judge),  # made once a feed: its expression takes a while to compile
    ):
        found = _feed_file(data, name, carrier, gzipped=gzipped)
        if not gzipped and choice & 16:  # packed, it is the same file
            assert _feed_file(gzip.compress(data, 1, mtime=0), name, carrier, gzipped=True) == found


def _judge(feed: Feed, form: FileForm, closes: date | None) -> LineJudge:
    if id(feed) not in _JUDGES:
        _JUDGES[id(feed)] = LineJudge(feed, form, closes)
    return _JUDGES[id(feed)]


def _feed_file(data: bytes, name: str, carrier: Carrier, *, gzipped: bool) -> tuple[object, ...]:
    feed = carrier.feeds[name]
    plain = read_plainly(data, feed, carrier, gzipped=gzipped)
    check = Check("f", len(data), len(plain.rows), hashlib.sha256(data).hexdigest(), _spelled(plain.total, feed))
    scan = FileScan(feed, carrier.files, check, LIMIT_BP, closes=CLOSES, size=len(data))
    loaded: dict[int, str] = {}
    for judged in scan.judged(io.BytesIO(data), gzipped=gzipped):
        assert len(judged.numbers) == len(judged.lines)
        loaded.update(zip(judged.numbers, judged.lines, strict=True))
    bad = {row.line_no: row for row in scan.bad}
    verdict = scan.verdict()

    assert (scan.bytes, scan.sha256) == (check.bytes, check.sha256)
    assert len(loaded) + scan.bad_rows == scan.judged_rows <= scan.rows
    assert scan.judged_rows == scan.rows or scan.hopeless
    if plain.is_whole:
        assert scan.rows == len(plain.rows), f"{scan.rows} rows counted, {len(plain.rows)} are there"
    else:
        assert scan.rows <= len(plain.rows)
        assert verdict is not None
    first = 2 if carrier.files.header else 1
    seen = {number for number in plain.rows if number < first + scan.judged_rows}
    assert loaded.keys() == plain.good & seen, "other rows are good than by the plain reading"
    assert bad.keys() <= seen - plain.good
    assert scan.hopeless or bad.keys() == seen - plain.good
    for number, line in loaded.items():
        came = plain.rows[number].decode(carrier.files.encoding)
        assert line == came or re.sub(r"\|(\+86|0086|86)(1[0-9]{10}\|)", r"|\2", came) == line
        assert line.encode("utf-8").decode("utf-8") == line  # PostgreSQL takes it
        assert not set(line) & set("\0\r\n")
    for number, row in bad.items():
        assert row.reason in get_args(Reason)
        assert row.raw == (MASK.encode() if feed.secrets else plain.rows[number])
    if verdict is None:
        assert len(bad) * 10_000 <= LIMIT_BP * scan.rows
        assert scan.note() is None or plain.unreadable  # the control total is proved, or cannot be
    else:
        assert verdict.reason in get_args(FileReason)
        assert verdict.detail
        assert verdict.reason not in {"SIZE", "CHECKSUM", "ROWS", "CONTROL_TOTAL"} or not plain.is_whole, verdict
        assert verdict.reason != "LINE_TOO_LONG" or max(map(len, plain.rows.values())) > LONGEST_LINE
    return verdict and verdict.reason, loaded, sorted(bad), scan.rows


def _spelled(total: int, feed: Feed) -> str:
    column = feed.control_column
    if column is None:
        return ""
    if column.type == "fen":
        return str(total)
    return f"{'-' if total < 0 else ''}{abs(total) // 100}.{abs(total) % 100:02}"


def check_file(data: bytes) -> None:
    """A check file of any bytes: what it says, or a reason; and a line that the warehouse can keep."""
    kept = check_line(data)
    assert kept.isascii()
    assert "\0" not in kept
    try:
        check = parse_check(data, CARRIER.check_file)
    except CheckFileError as error:
        assert str(error)  # noqa: PT017
        return
    said = f"{check.file}|{check.bytes}|{check.rows}|{check.sha256}|{check.control_total}"
    assert [part.lstrip("0") for part in said.lower().split("|")] == [
        part.lstrip("0") for part in data.decode().rstrip("\r\n").lower().split("|")
    ]
    for unit in ("fen", "yuan"):
        total = control_total(check.control_total, Column.model_validate({"name": "amount", "type": unit}))
        assert total is None or isinstance(total, int)


def answer(data: bytes) -> None:
    """An answer of any bytes: each row that it refuses, or a reason."""
    try:
        read = parse_answer(data)
    except AnswerError as error:
        assert error.reason in {"HEADER", "NAME", "STATUS", "COUNT", "ROW", "KEY"}  # noqa: PT017
        assert error.detail  # noqa: PT017
        error.detail.encode()
        return
    lines = data.rstrip(b"\r\n").split(b"\n")[1:]
    assert [(row.key.encode(), row.code.encode()) for row in read.rows] == [
        tuple(line.split(b"|")[:2]) for line in lines
    ]
    assert len({row.key for row in read.rows}) == len(read.rows) == (read.rows_failed if lines else 0)
    assert (read.status == "SEMIWRONG") == bool(lines)
    assert (read.status == "BAD") == (read.code is not None)
    for text in (read.stem, read.code or "", *(part for row in read.rows for part in row)):
        assert "\0" not in text
        text.encode()


def file_name(data: bytes) -> None:
    """A name of any characters: the date and the number that it spells, or nothing."""
    stem = data.decode("utf-8", "surrogateescape")
    for name, feed in CARRIER.feeds.items():
        found = parse_stem(stem, name, feed)
        if found is not None:
            day = found.business_date
            assert stem == f"{name}_{day.year:04}{day:%m%d}_{found.seq:04}"
    for name, interface in CARRIER.interfaces.items():
        sent = sent_names.parse_stem(name, interface, stem)
        if sent is not None:
            assert re.fullmatch(rf"{name}_[a-z0-9]+_[0-9]{{8}}_[0-9]{{4,9}}", stem)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "feed_file": feed_file,
    "check_file": check_file,
    "answer": answer,
    "file_name": file_name,
}

_ROWS = {
    "card_stock": ["AB12|TENCENT|20260101|20261231|15.00", "CD34|IQIYI|20260101|20261231|0.01"],
    "expense": ["V1|20260105|B7|1234.50|场地", "V2|20260105|B7|-0.05|"],
    "hall": ["H1|億達墊江厅|010|20260101|", "H2|𠮷|010||20261231"],
    "optout": ["E1|13012345678|S1|20260105101112|OUT|SMS"],
    "recharge": [
        "R1|S1|13012345678|20260105101112|RECHARGE||10000|9500|APP||",
        "R2|S1||20260105235959|REVERSAL|R1|-5|0|HALL|H|T",
    ],
    "subscriber": [
        "S1|13012345678|C1|010|20160229|A|20200101|CONSUMER|MAIN|Y||20190101|P1|1980|F|Y",
        "S2|||||A||||||||||",
    ],
}
_STEM, _KEY = "credit_lyh2026_20260204_0001", "0123456789abcdef0123456789abcdef"


def _feed_seeds() -> Iterator[bytes]:
    for name, rows in _ROWS.items():
        data = "".join(f"{row}\n" for row in rows * 3).encode("gb18030")
        for options in (0, 16, 32, 64, 128):
            choice = next(
                byte for byte in range(options, 256) if byte & 240 == options and FEEDS[byte % len(FEEDS)] == name
            )
            yield bytes([choice]) + (gzip.compress(data, mtime=0) if options == 32 else data)


SEEDS: dict[str, list[bytes]] = {
    "feed_file": list(_feed_seeds()),
    "check_file": [b"recharge_20260105_0001.txt.gz|10|2|" + b"ab" * 32 + b"|300\n", b"a|0|0|" + b"0" * 64 + b"|-1.05"],
    "answer": [
        f"{_STEM}.txt|RIGHT|12|0\n".encode(),
        f"{_STEM}.txt|BAD|0|12|30\n".encode(),
        f"{_STEM}.txt|SEMIWRONG|10|2\n{_KEY}|10|用户不存在:億墊𠮷\n{_KEY[::-1]}|90|\n".encode("gb18030"),
    ],
    "file_name": [b"recharge_20260105_0001", b"hall_20240229_9999", _STEM.encode()],
}
WORDS = [
    *(
        b"|",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xef\xbb\xbf",
        b"\x81\x30\x81\x30",
        b"\xff",
        b"\x1f\x8b\x08",
        b".gz",
        b"-",
        b"0.00",
    ),
    *("億".encode("gb18030"), "厅".encode(), b"20260229", b"00000101", b"9" * 15, b"RIGHT", b"BAD", b"SEMIWRONG"),
]
