"""Files judged: a data file against its check file, whatever the two hold."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tracemalloc
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
def test_a_file_that_disagrees_is_quarantined(check: Check, expected: str) -> None:
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
    for data, rows in (
        (ROWS + b"x" * 70_000 + b"\n" + ROWS, 401),
        (ROWS + b"x" * 300_000 + b"\n" + ROWS[:-1], 401),
        (ROWS + b"x" * 3_000_000, 201),
        (b"x" * 3_000_000 + b"\n", 1),
    ):
        scan = scanned(data, check_of(data, rows))
        verdict = scan.verdict()
        assert verdict is not None
        assert (verdict.reason, scan.rows) == ("LINE_TOO_LONG", rows)  # counted to the end, though not judged


class _Endless(io.RawIOBase):
    """A gigabyte without a line's end, made as it is read."""

    left = 1 << 30

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        return size


def test_a_line_of_a_gigabyte_takes_no_memory() -> None:
    scan = FileScan(CARRIER.feeds["recharge"], CARRIER.files, check_of(b"", 1), 100)
    tracemalloc.start()
    try:
        assert list(scan.judged(io.BufferedReader(_Endless()), gzipped=False)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (scan.bytes, scan.rows) == (1 << 30, 1)
    assert peak < 4 << 20


def test_a_file_that_unpacks_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BOMB_BYTES", 1 << 16)
    packed = gzip.compress(b"\n" * (2 << 20))
    scan = scanned(packed, check_of(packed, 2 << 20), gz=True)
    verdict = scan.verdict()
    assert verdict is not None
    assert verdict.reason == "BOMB"
    assert scan.rows < 1 << 20
    assert len(list(scan.bad)) == 100  # of a hopeless file a few bad rows are kept, not all


def test_a_file_that_unpacks_to_more_than_its_rows_can_take_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BOMB_BYTES", 1 << 16)
    packed = gzip.compress(ROWS * 100)
    verdict = scanned(packed, check_of(packed), gz=True).verdict()  # 200 rows by the check file, 20,000 in the file
    assert verdict is not None
    assert verdict.reason == "BOMB"
    assert "rows in the check file" in verdict.detail
    assert reason(packed, check_of(packed, 20_000), gz=True) is None


def test_rows_beyond_those_of_the_check_file_are_counted_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BLOCK", 4096)
    scan = scanned(ROWS, check_of(ROWS, 100))
    verdict = scan.verdict()
    assert verdict is not None
    assert verdict == scan_module.Verdict("ROWS", "200 rows, the check file says 100")
    assert 100 < scan.judged_rows < 200


def test_a_file_with_far_too_many_bad_rows_is_counted_and_not_judged_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan_module, "_BLOCK", 4096)
    data = ROWS.replace(b"APP", b"WEB")
    scan = scanned(data, check_of(data))
    verdict = scan.verdict()
    assert verdict is not None
    assert verdict.reason == "BAD_ROWS"  # and not the total of the rows read so far
    assert f"{scan.bad_rows} of {scan.judged_rows} rows read so far are bad" in verdict.detail
    assert (scan.rows, scan.judged_rows < 200) == (200, True)


def test_bad_rows_wait_on_disk_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_BAD_ROWS_IN_MEMORY", 100)
    monkeypatch.setattr(scan_module, "_BLOCK", 4096)
    data = "".join(recharge(number, "WEB" if number % 9 == 0 else "APP") for number in range(900)).encode()
    scan = FileScan(CARRIER.feeds["recharge"], CARRIER.files, check_of(data, 900), 2_000)
    list(scan.judged(io.BytesIO(data), gzipped=False))
    assert scan.verdict() is None
    assert [row.line_no for row in scan.bad] == list(range(1, 901, 9))
    assert next(scan.bad).text == recharge(0, "WEB").rstrip("\n")


def with_amounts(amounts: list[str]) -> tuple[bytes, Check]:
    rows = [
        f"R{number}|S1||20260105101112|{'RECHARGE' if int(one) > 0 else 'REVERSAL'}||{one}|{one}|APP||\n"
        for number, one in enumerate(amounts)
    ]
    data = "".join(rows).encode()
    return data, check_of(data, len(rows), str(sum(int(amount) for amount in amounts)))


# 94 of 100 real payments are from 10 to 500 yuan; here in fen
PAYMENTS = (
    ["10000"] * 30 + ["5000"] * 20 + ["3000"] * 14 + ["20000"] * 10 + ["2000"] * 10 + ["30000"] * 6 + ["50000"] * 4
)
PAYMENTS += ["-10000", "5", "7", "200", "100000", "0"]


def test_another_unit_is_told_by_where_amounts_usually_lie() -> None:
    assert reason(*with_amounts(PAYMENTS)) is None
    in_li, in_yuan = ([str(int(amount) * 10) for amount in PAYMENTS], [str(int(amount) // 100) for amount in PAYMENTS])
    for amounts in (in_li, in_yuan):
        data, check = with_amounts(amounts)
        verdict = scanned(data, check).verdict()
        assert verdict is not None
        assert verdict.reason == "UNIT"
        assert "face_amount" in verdict.detail
    assert reason(*with_amounts(in_li[:49])) is None  # of few rows nothing can be said


def test_yuan_with_decimals_are_no_fen() -> None:
    data = ROWS.replace(b"|10000|9500|", b"|100.00|95.00|")
    assert reason(data, check_of(data, total="20000.00")) == "BAD_ROWS"


def test_a_claim_counts_for_no_more_than_the_file_can_hold() -> None:
    """620 bytes of gzip with 300,000 bad rows, and a check file that speaks of 10**15: none beyond 100 is kept."""
    data = gzip.compress(b"x\n" * 300_000)
    assert len(data) < 1000
    for size in (None, len(data)):
        scan = FileScan(CARRIER.feeds["recharge"], CARRIER.files, check_of(data, 10**15), 100, size=size)
        assert sum(len(judged.bad) for judged in scan.judged(io.BytesIO(data), gzipped=True)) <= 150_000
        assert scan.hopeless
        assert len(list(scan._kept)) <= 100
        assert scan.verdict() == scan_module.Verdict("ROWS", f"300000 rows, the check file says {10**15}")


def test_a_claim_of_bytes_counts_for_no_more_than_the_file_has() -> None:
    data = gzip.compress(b"x\n" * 300_000)
    scan = FileScan(CARRIER.feeds["recharge"], CARRIER.files, check_of(data, 10**12, bytes=10**15), 100, size=len(data))
    list(scan.judged(io.BytesIO(data), gzipped=True))
    verdict = scan.verdict()
    assert verdict is not None
    assert verdict.reason == "SIZE"
    assert len(list(scan._kept)) <= 100


def test_files_of_the_shortest_rows_may_be_claimed_as_they_are() -> None:
    shortest = b"H||||\n" * 200
    for data, rows, gz in ((shortest, 200, False), (gzip.compress(shortest), 200, True), (gzip.compress(b""), 0, True)):
        assert scanned(data, check_of(data, rows, ""), feed="hall", gz=gz).verdict() is None
    with_bad_ones = shortest[: 198 * 6] + b"\n" * 2
    assert scanned(with_bad_ones, check_of(with_bad_ones, 200, ""), feed="hall").verdict() is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("H1|王府井厅|010||\nH2|西单厅|010||\n".encode("gb18030"), None),
        ("H1|王府|010||\nH2|西单|010||\n".encode(), "ENCODING"),  # an even number of characters: no row would fail
        ("H1|王府井|010||\nH2|西单|010||\n".encode(), "ENCODING"),
        (b"H1||010||\nH2|plain|010||\n", None),  # ASCII is the same in both
        ("\ufeffH1||010||\nH2||010||\n".encode(), "ENCODING"),  # a byte order mark alone gives it away
        ("H1|王府|010||\nH2|西单|010||\n".encode("utf-16"), "ROWS"),  # a byte is left after the last LF
        ("H1|联通|010||\n".encode("gb18030"), None),  # the classic: 联通 looks like UTF-8
    ],
)
def test_utf8_is_not_taken_for_gb18030(data: bytes, expected: str | None) -> None:
    assert reason(data, check_of(data, data.count(b"\n"), ""), feed="hall") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [(b"\n", b"\r\n", "no carriage return"), (b"|", b",", "11 fields, found 1"), (b"\n", b"|\n", "11 fields, found 12"),
     (b"APP", b"AP\0", "no character NUL")],
)  # fmt: skip
def test_a_file_of_another_form_is_quarantined_with_what_was_expected(old: bytes, new: bytes, detail: str) -> None:
    data = ROWS.replace(old, new)
    verdict = scanned(data, check_of(data)).verdict()
    assert verdict is not None
    assert verdict.reason == "BAD_ROWS"
    assert detail in verdict.detail


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


def test_of_a_feed_with_secrets_no_text_is_kept(tmp_path: Path) -> None:
    """In a broken line a secret may stand anywhere, also where a header was expected."""
