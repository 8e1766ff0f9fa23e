"""Files judged: a data file against its check file, whatever the two hold."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.feeds import scan as scan_module
from laoyouhui.feeds.checkfile import Check, CheckFileError, check_line, parse_check
from laoyouhui.feeds.names import FileDate, parse_stem
from laoyouhui.feeds.scan import FileScan

CARRIER = load_carrier(Path(__file__).parents[3] / "carriers" / "china_unicom.yml")


def recharge(number: int, channel: str = "APP") -> str:
    return f"R{number:06}|S{number}|13012345678|20260105101112|RECHARGE||10000|9500|{channel}||\n"


ROWS = "".join(recharge(number) for number in range(200)).encode()


def check_of(data: bytes, rows: int = 200, total: str | None = None, **other: str | int) -> Check:
    said = {"file": "f", "bytes": len(data), "rows": rows, "sha256": hashlib.sha256(data).hexdigest()}
    return Check(**(said | {"control_total": str(rows * 10_000) if total is None else total} | other))  # type: ignore[arg-type]


def scanned(
    data: bytes, check: Check | None, *, feed: str = "recharge", carrier: Carrier = CARRIER, gz: bool = False
) -> FileScan:
    scan = FileScan(carrier.feeds[feed], carrier.files, check, 100)
    loaded = sum(len(judged.lines) for judged in scan.judged(io.BytesIO(data), gzipped=gz))
    assert loaded + scan.bad_rows == scan.judged_rows
    assert scan.judged_rows == scan.rows or scan.hopeless
    return scan


def reason(data: bytes, check: Check, **how: bool) -> str | None:
    verdict = scanned(data, check, **how).verdict()  # type: ignore[arg-type]
    return verdict.reason if verdict else None


def test_a_file_that_agrees_with_its_check_file_counts() -> None:
    assert reason(ROWS, check_of(ROWS)) is None
    packed = gzip.compress(ROWS)
    assert reason(packed, check_of(packed), gz=True) is None
    twice = gzip.compress(ROWS[:5000]) + gzip.compress(ROWS[5000:])  # gzip files may be put one after the other
    assert reason(twice, check_of(twice), gz=True) is None
    assert reason(ROWS[:-1], check_of(ROWS[:-1])) is None  # the last line's end may be missing


def test_an_empty_file_with_a_right_check_file_is_valid() -> None:
    for total in ("", "0"):
        assert reason(b"", check_of(b"", 0, total)) is None
    packed = gzip.compress(b"")
    assert reason(packed, check_of(packed, 0, "0"), gz=True) is None


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (check_of(ROWS, bytes=len(ROWS) + 1), "SIZE"),
        (check_of(ROWS, sha256="0" * 64), "CHECKSUM"),
        (check_of(ROWS, rows=199, total="2000000"), "ROWS"),
        (check_of(ROWS, total="2000001"), "CONTROL_TOTAL"),
        (check_of(ROWS, total=""), "CONTROL_TOTAL"),
        (check_of(ROWS, total="20000.00"), "CONTROL_TOTAL"),
    ],
)
def test_a_file_that_disagrees_is_set_aside(check: Check, expected: str) -> None:
    assert reason(ROWS, check) == expected


def test_the_total_of_a_feed_without_amounts_is_not_looked_at() -> None:
    data = b"H1|x|010||\n"
    assert scanned(data, check_of(data, 1, "77"), feed="hall").verdict() is None


def test_one_percent_of_bad_rows_is_allowed_and_no_row_more() -> None:
    for bad, expected in ((2, None), (3, "BAD_ROWS")):
        data = "".join(recharge(number, "WEB" if number < bad else "APP") for number in range(200)).encode()
        assert reason(data, check_of(data)) == expected
    data = "".join(recharge(number, "WEB" if number < 3 else "APP") for number in range(299)).encode()
    assert reason(data, check_of(data, 299)) == "BAD_ROWS"  # 3 of 299 are more than 1 %, 3 of 300 are not


def test_rows_without_a_readable_amount_leave_the_total_unproved() -> None:
    data = ROWS.replace(b"R000007|", b"", 1)
    scan = scanned(data, check_of(data))
    assert scan.verdict() is None
    assert "1 bad rows have no amount" in (scan.note() or "")
    data = ROWS.replace(b"APP", b"WEB", 1)  # a bad row whose amount can be read excuses nothing
    assert reason(data, check_of(data, total="1990000")) == "CONTROL_TOTAL"


def test_broken_gzip_is_told_from_broken_transport() -> None:
    packed = gzip.compress(ROWS)
    for broken in (packed[:-10], packed[:50] + b"\0\0\0\0" + packed[54:], b"plain text", packed + b"garbage"):
        assert reason(broken, check_of(broken), gz=True) == "GZIP"
        assert reason(broken, check_of(packed + b"!"), gz=True) == "SIZE"


def test_a_line_without_end_is_not_read_into_memory() -> None:
    data = ROWS + b"x" * 70_000 + b"\n" + ROWS
    assert reason(data, check_of(data)) == "LINE_TOO_LONG"
    data = ROWS + b"x" * 3_000_000
    assert reason(data, check_of(data)) == "LINE_TOO_LONG"


def test_a_file_that_unpacks_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BOMB_BYTES", 1 << 16)
    packed = gzip.compress(b"\n" * (2 << 20))
    scan = scanned(packed, check_of(packed, 2 << 20), gz=True)
    verdict = scan.verdict()
    assert verdict is not None
    assert verdict.reason == "BOMB"
    assert scan.rows < 1 << 20
    assert len(list(scan.bad)) == 100  # of a hopeless file a few bad rows are kept, not all


def test_blocks_part_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BLOCK", 97)
    scan = FileScan(CARRIER.feeds["recharge"], CARRIER.files, check_of(ROWS), 100)
    lines: list[str] = []
    numbers: list[int] = []
    for judged in scan.judged(io.BytesIO(ROWS), gzipped=False):
        lines += judged.lines
        numbers += judged.numbers
    assert scan.verdict() is None
    assert numbers == list(range(1, 201))
    assert "".join(f"{line}\n" for line in lines).encode() == ROWS


@given(st.binary(max_size=400), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_whatever_bytes_come_rows_are_counted_and_nothing_is_raised(
    noise: bytes, gz: bool, draw: random.Random
) -> None:
    at = draw.randrange(len(ROWS))
    data = ROWS[:at] + noise + ROWS[at:]
    scan = scanned(gzip.compress(data) if gz else data, check_of(data), gz=gz)
    assert scan.rows == len(data.rstrip(b"\n").split(b"\n")) + (
        len(data) - len(data.rstrip(b"\n")) - 1 if data.endswith(b"\n") else 0
    )
    scanned(noise, check_of(noise), gz=gz)


def test_another_carrier_is_another_profile(tmp_path: Path) -> None:
    """Comma, UTF-8, a header, yuan, other words, names and check files: data of a profile alone."""
    profile = tmp_path / "other.yml"
    profile.write_text(
        """
carrier: other
name: 另一家
files: {encoding: utf-8, delimiter: ",", header: true, suffix: .csv}
check_file: {suffix: .ok, delimiter: ";", fields: [rows, bytes, control_total, sha256, file]}
feeds:
  recharge:
    kind: events
    file_pattern: "{date}-{feed}-{seq}"
    key: [recharge_id]
    control: face_amount
    columns:
      - {name: recharge_id, title: 流水号, type: id, required: true}
      - {name: face_amount, title: 金额, type: yuan, min: -100000, max: 100000, required: true}
      - {name: channel, title: 渠道, type: code, codes: {"01": APP, "02": HALL}, required: true}
interfaces: {}
answer_codes: {"E1": REFUSED}
""",
        encoding="utf-8",
    )
    carrier = load_carrier(profile)
    data = "流水号,金额,渠道\nR1,100.50,01\nR2,-0.50,02\n".encode()
    sha256 = hashlib.sha256(data).hexdigest()
    check = parse_check(
        f"2;{len(data)};100.00;{sha256.upper()};20260105-recharge-0001.csv".encode(), carrier.check_file
    )
    feed = carrier.feeds["recharge"]
    scan = FileScan(feed, carrier.files, check, 100)
    (judged,) = scan.judged(io.BytesIO(data), gzipped=False)
    assert (scan.verdict(), scan.rows) == (None, 2)
    assert (list(judged.numbers), judged.lines) == ([2, 3], ["R1,100.50,APP", "R2,-0.50,HALL"])
    assert parse_stem("20260105-recharge-0001", "recharge", feed) == FileDate(date(2026, 1, 5), 1)

    swapped = data.replace("流水号,金额".encode(), "金额,流水号".encode())
    verdict = scanned(swapped, check_of(swapped, 2, "100.00"), carrier=carrier).verdict()
    assert verdict is not None
    assert verdict.reason == "HEADER"
    assert scanned(b"", check_of(b"", 0, ""), carrier=carrier).verdict() is None


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("recharge_20260105_0001", FileDate(date(2026, 1, 5), 1)),
        ("recharge_20260105_0012", FileDate(date(2026, 1, 5), 12)),
        ("recharge_20260230_0001", None),
        ("recharge_2026010_0001", None),
        ("recharge_20260105_1", None),
        ("hall_20260105_0001", None),
        ("recharge_20260105_0001.old", None),
    ],
)
def test_names_of_delivered_files(stem: str, expected: FileDate | None) -> None:
    assert parse_stem(stem, "recharge", CARRIER.feeds["recharge"]) == expected


def test_check_files_with_and_without_a_lines_end() -> None:
    line = b"a_20260105_0001.txt.gz|10|2|" + b"Ab" * 32 + b"|300"
    for raw in (line, line + b"\n"):
        assert parse_check(raw, CARRIER.check_file) == Check("a_20260105_0001.txt.gz", 10, 2, "ab" * 32, "300")
        assert check_line(raw) == line.decode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a|10|2|" + b"ab" * 32,
        b"a|10|2|" + b"ab" * 32 + b"||",
        b"a|10|2|" + b"ab" * 31 + b"|",
        b"a|-10|2|" + b"ab" * 32 + b"|",
        b"a|10|two|" + b"ab" * 32 + b"|",
        b"a|10|2|" + b"ab" * 32 + b"|1,000",
        b"a|10|2|" + b"ab" * 32 + b"|\nb|10|2|" + b"ab" * 32 + b"|",
        "文件|10|2|".encode() + b"ab" * 32 + b"|",
        b"\0" * 10_000,
    ],
)
def test_a_check_file_that_cannot_be_read(raw: bytes) -> None:
    with pytest.raises(CheckFileError):
        parse_check(raw, CARRIER.check_file)
    assert check_line(raw).isascii()
    assert "\0" not in check_line(raw)
