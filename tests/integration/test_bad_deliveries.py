"""Every bad state of a delivery on a real PostgreSQL: what is quarantined, what waits, what goes on, how it is mended.

What one file's bytes may hold is in tests/unit/feeds; days and money in tests/campaign/test_bad_input.py.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.integration.test_ingest import EVE, NEXT, D, Intake, recharge, subscriber

from laoyouhui.delivery.transport import FolderTransport, TransportError
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.journal import JournalError


@pytest.fixture
def intake(tmp_path: Path, database_dsn: str) -> Intake:
    return Intake(tmp_path, database_dsn)


def waiting(intake: Intake) -> dict[str, str]:
    """What the last run found waiting: reason by path."""
    return dict(intake.run("select path, reason from raw.waiting order by path"))  # type: ignore[arg-type]


def good(intake: Intake) -> None:
    """A delivery that has nothing wrong: whatever lies beside it, it is loaded."""
    intake.deliver("recharge", EVE, [recharge(1)], total="10000", seq=9)


def assert_the_good_one_is_loaded(intake: Intake) -> None:
    assert ("recharge", 9, None, 1, 1, 0) in intake.deliveries()
    assert intake.run("select count(*) from raw.delivery where rows_received <> rows_loaded + rows_quarantined") == [
        (0,)
    ]


def test_a_file_that_arrives_half_written_is_quarantined_and_loaded_when_it_is_whole(intake: Intake) -> None:
    good(intake)
    path = intake.deliver("recharge", EVE, [recharge(2), recharge(3)], total="20000")
    whole = path.read_bytes()
    path.write_bytes(whole[:70])
    intake.take(EVE)
    assert ("recharge", 1, "SIZE", 2, 0, 2) in intake.deliveries()  # within the second row it breaks off
    assert_the_good_one_is_loaded(intake)
    path.write_bytes(whole)
    intake.take(EVE)
    assert intake.deliveries()[-1] == ("recharge", 1, None, 2, 2, 0)


def test_a_check_file_without_its_data_and_data_without_check_wait_and_are_told(intake: Intake) -> None:
    good(intake)
    first = intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=1)
    second = intake.deliver("recharge", EVE, [recharge(3)], total="10000", seq=2)
    data, check = first.read_bytes(), second.with_suffix(".chk").read_bytes()
    first.unlink()
    second.with_suffix(".chk").unlink()
    intake.take(EVE)
    assert waiting(intake) == {
        "in/recharge/recharge_20260125_0001.chk": "NO_DATA",
        "in/recharge/recharge_20260125_0002.txt": "NO_CHECK",
    }
    assert_the_good_one_is_loaded(intake)
    intake.release(EVE)
    first.write_bytes(data)
    intake.take(D)
    assert waiting(intake) == {"in/recharge/recharge_20260125_0002.txt": "NO_CHECK"}
    assert intake.run("select since from raw.waiting") == [(EVE,)]  # since when, not when last looked at
    second.with_suffix(".chk").write_bytes(check)
    intake.take(D)
    assert waiting(intake) == {}
    assert intake.run("select count(*) from raw.recharge") == [(3,)]


def test_an_empty_check_file_is_quarantined_until_it_is_written(intake: Intake) -> None:
    good(intake)
    path = intake.deliver("recharge", EVE, [recharge(2)], total="10000")
    check = path.with_suffix(".chk")
    line = check.read_bytes()
    check.write_bytes(b"")
    intake.take(EVE)
    assert ("recharge", 1, "CHECK_FILE", 1, 0, 1) in intake.deliveries()
    assert_the_good_one_is_loaded(intake)
    check.write_bytes(line)
    intake.take(EVE)
    assert intake.deliveries()[-1] == ("recharge", 1, None, 1, 1, 0)


def test_names_that_lead_elsewhere_or_cannot_be_stored_are_told_and_never_opened(intake: Intake) -> None:
    good(intake)
    folder = os.fsencode(intake.root / "recharge")
    names = [b"x..\\..\\y", b"a\\b", "充值".encode("gbk"), b"line\nend", b"tab\there", b"\x7f"]
    for name in names:
        for ending in (b".txt", b".chk"):
            Path(os.fsdecode(folder + b"/" + name + ending)).write_bytes(b"x")
    (intake.root / "recharge" / "..recharge_20260125_0001.chk").write_bytes(b"x")  # hidden: somebody is writing it
    intake.take(EVE)
    found = waiting(intake)
    assert len(found) == 2 * len(names)
    assert set(found.values()) == {"NAME"}
    assert "in/recharge/x..\\..\\y.txt" in found
    assert all(path.isprintable() for path in found)
    assert_the_good_one_is_loaded(intake)


def test_folders_and_links_in_place_of_files_are_told_and_never_followed(intake: Intake, tmp_path: Path) -> None:
    good(intake)
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0\n")
    outside = intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=1)
    target = tmp_path / "elsewhere.txt"
    outside.rename(target)
    outside.symlink_to(target)  # even with a right check file: what a link leads to may change unseen
    intake.deliver("recharge", EVE, [recharge(3)], total="10000", seq=2).unlink()
    (intake.root / "recharge" / "recharge_20260125_0002.txt").mkdir()
    (intake.root / "recharge" / "recharge_20260125_0003.chk").symlink_to(secret)
    (intake.root / "recharge" / "recharge_20260125_0003.txt").write_text("x")
    os.mkfifo(intake.root / "recharge" / "recharge_20260125_0004.txt")  # opened, it would never end
    intake.take(EVE)
    assert waiting(intake) == {
        "in/recharge/recharge_20260125_0001.txt": "NOT_A_FILE",
        "in/recharge/recharge_20260125_0001.chk": "NO_DATA",
        "in/recharge/recharge_20260125_0002.txt": "NOT_A_FILE",
        "in/recharge/recharge_20260125_0002.chk": "NO_DATA",
        "in/recharge/recharge_20260125_0003.chk": "NOT_A_FILE",
        "in/recharge/recharge_20260125_0003.txt": "NO_CHECK",
        "in/recharge/recharge_20260125_0004.txt": "NOT_A_FILE",
    }
    assert_the_good_one_is_loaded(intake)


def test_a_feed_nobody_declared_is_told(intake: Intake) -> None:
    good(intake)
    (intake.root / "loyalty").mkdir()
    (intake.root / "loyalty" / "loyalty_20260125_0001.txt").write_text("x")
    (intake.root / "recharge_20260125_0001.txt").write_text("x")
    intake.take(EVE)
    assert waiting(intake) == {"in/loyalty": "UNDECLARED", "in/recharge_20260125_0001.txt": "UNDECLARED"}
    assert_the_good_one_is_loaded(intake)


def test_next_years_date_waits_and_is_told_tomorrows_waits_in_silence(intake: Intake) -> None:
    good(intake)
    intake.deliver("recharge", D, [recharge(2)], total="10000")
    intake.deliver("recharge", EVE.replace(year=2027), [recharge(3)], total="10000")
    intake.deliver("hall", EVE.replace(year=2027), []).with_suffix(".chk").unlink()
    intake.take(EVE)
    assert waiting(intake) == {
        "in/recharge/recharge_20270125_0001.chk": "LATER",
        "in/hall/hall_20270125_0001.txt": "LATER",
    }
    assert_the_good_one_is_loaded(intake)


def test_a_day_missing_is_ingested_when_it_comes_under_its_own_date(intake: Intake) -> None:
    good(intake)
    intake.take(EVE)
    intake.release(EVE)
    assert intake.take(D).files == ()
    intake.release(D)
    intake.deliver("recharge", D, [recharge(2)], total="10000")
    intake.deliver("recharge", NEXT, [recharge(3)], total="10000")
    intake.take(NEXT)
    taken = "select business_date, received_on from raw.delivery order by delivery_no"
    assert intake.run(taken) == [(EVE, EVE), (D, NEXT), (NEXT, NEXT)]


def test_a_name_that_is_no_delivery_is_told(intake: Intake) -> None:
    good(intake)
    (intake.root / "recharge" / "README").write_text("x")
    (intake.root / "recharge" / "recharge_20260125_0001.csv").write_text("x")
    intake.take(EVE)
    assert waiting(intake) == {"in/recharge/README": "NAME", "in/recharge/recharge_20260125_0001.csv": "NAME"}
    assert_the_good_one_is_loaded(intake)


def test_plain_and_gzipped_under_one_name_only_the_one_that_the_check_file_names_counts(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000", gz=True)
    path.with_suffix("").write_text(recharge(1) + "\n")
    intake.take(EVE)
    assert intake.run("select file_name, state from raw.delivery") == [(path.name, "LOADED")]
    assert waiting(intake) == {"in/recharge/recharge_20260125_0001.txt": "NO_CHECK"}


def test_a_file_that_vanishes_or_may_not_be_read_is_told_and_the_others_go_on(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(intake)
    gone = intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=1)
    shut = intake.deliver("recharge", EVE, [recharge(3)], total="10000", seq=2).with_suffix(".chk")
    really = FolderTransport.open

    def open_(transport: FolderTransport, path: str) -> Any:
        if path.endswith(gone.name):
            raise FileNotFoundError(2, "No such file or directory", path)
        if path.endswith(shut.name):
            raise PermissionError(13, "Permission denied", path)
        return really(transport, path)

    with monkeypatch.context() as broken:
        broken.setattr(FolderTransport, "open", open_)
        intake.take(EVE)
    assert waiting(intake) == {
        "in/recharge/recharge_20260125_0001.txt": "UNREADABLE",
        "in/recharge/recharge_20260125_0002.chk": "UNREADABLE",
    }
    assert_the_good_one_is_loaded(intake)
    intake.take(EVE)
    assert waiting(intake) == {}
    assert intake.run("select count(*) from raw.recharge") == [(3,)]


def test_a_file_that_changes_while_it_is_read_is_quarantined_and_loaded_when_it_rests(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(intake)
    path = intake.deliver("recharge", EVE, [recharge(n) for n in range(2, 9)], total="70000")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"10000", b"20000"))
    really = FolderTransport.open

    @contextmanager
    def open_(transport: FolderTransport, name: str) -> Iterator[BinaryIO]:
        with really(transport, name) as file:
            changing: Any = _Changing(file, path, whole)
            yield changing if name.endswith(path.name) else file

    with monkeypatch.context() as patched:
        patched.setattr(FolderTransport, "open", open_)
        intake.take(EVE)
    assert ("recharge", 1, "CHECKSUM", 7, 0, 7) in intake.deliveries()
    assert_the_good_one_is_loaded(intake)
    intake.take(EVE)
    assert intake.deliveries()[-1] == ("recharge", 1, None, 7, 7, 0)


class _Changing:
    """A file whose second half is written anew after the first was read."""

    def __init__(self, file: BinaryIO, path: Path, whole: bytes) -> None:
        self._file, self._path, self._whole, self._reads = file, path, whole, 0

    def read(self, _: int) -> bytes:
        self._reads += 1
        if self._reads == 1:
            return self._file.read(150)
        self._path.write_bytes(self._whole)
        return self._path.read_bytes()[150:] if self._reads == 2 else b""


def test_a_loaded_file_that_changes_without_a_new_check_file_is_told_and_stands(intake: Intake) -> None:
    good(intake)
    path = intake.root / "recharge" / "recharge_20260125_0009.txt"
    intake.take(EVE)
    path.write_bytes(path.read_bytes() * 2)
    intake.take(EVE)
    assert waiting(intake) == {"in/recharge/recharge_20260125_0009.txt": "CHANGED"}
    assert intake.deliveries() == [("recharge", 9, None, 1, 1, 0)]


def test_a_correction_of_a_corrected_events_file_adds_by_its_id(intake: Intake) -> None:
    lines = [recharge(number) for number in range(1, 4)]
    for said in ("30001", "30000"):  # wrong, then right: the same name with a new check file
        intake.deliver("recharge", EVE, lines, total=said)
        intake.take(EVE)
    intake.deliver("recharge", EVE, [*lines, recharge(4)], total="40000")  # and again, with one row more
    intake.take(EVE)
    intake.deliver("recharge", EVE, [*lines, recharge(4), recharge(5)], total="50000", seq=2)  # the next number
    intake.take(EVE)
    assert intake.deliveries() == [
        ("recharge", 1, "CONTROL_TOTAL", 3, 0, 3),
        ("recharge", 1, None, 3, 3, 0),
        ("recharge", 1, None, 4, 4, 0),
        ("recharge", 2, None, 5, 5, 0),
    ]
    assert intake.run("select count(distinct recharge_id) from raw.recharge") == [(5,)]
    assert intake.take(EVE).files == ()


def test_a_correction_of_a_corrected_snapshot_replaces_it_whole(intake: Intake) -> None:
    for people in ([1, 2], [1, 2, 3], [2]):
        intake.deliver("subscriber", EVE, [subscriber(number) for number in people])
        intake.take(EVE)
    last = intake.run("select max(delivery_no) from raw.delivery where state = 'LOADED'")[0][0]
    assert intake.run("select subscriber_id from raw.subscriber where delivery_no = %s", last) == [("S2",)]


def test_the_same_file_under_two_names_is_loaded_twice_row_by_row_accounted_for(intake: Intake) -> None:
    for seq in (1, 2):  # staging and the ledger know an id once: tests/campaign/test_bad_input.py
        intake.deliver("recharge", EVE, [recharge(1)], total="10000", seq=seq)
    intake.take(EVE)
    assert intake.deliveries() == [("recharge", 1, None, 1, 1, 0), ("recharge", 2, None, 1, 1, 0)]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data + b"garbage", "GZIP"),
        (lambda data: data[:-9], "GZIP"),
        (lambda _: b"", "ROWS"),  # of an empty file some programs make nothing
        (lambda _: b"R1|plain", "GZIP"),
        (lambda data: data + gzip.compress(f"{recharge(2)}\n".encode()), "ROWS"),  # two members are one file
        (lambda _: gzip.compress(b"\n" * (65 << 20)), "BOMB"),
    ],
    ids=["garbage", "cut", "empty", "plain", "two members", "bomb"],
)
def test_a_gzip_file_that_is_not_what_it_should_be(intake: Intake, spoil: Any, reason: str) -> None:
    good(intake)
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000", gz=True)
    data = spoil(path.read_bytes())
    path.write_bytes(data)
    said = f"{path.name}|{len(data)}|1|{hashlib.sha256(data).hexdigest()}|10000"
    (path.parent / "recharge_20260125_0001.chk").write_text(said)
    intake.take(EVE)
    assert [row[2] for row in intake.deliveries() if row[1] == 1] == [reason]
    assert_the_good_one_is_loaded(intake)


def test_a_file_in_another_unit_is_quarantined_and_its_correction_is_loaded(intake: Intake) -> None:
    rows = [recharge(number) for number in range(60)]
    in_li = [row.replace("|10000|9500|", "|100000|95000|") for row in rows]
    intake.deliver("recharge", EVE, in_li, total="6000000")
    intake.deliver("recharge", EVE, rows, total="600000", seq=2)
    intake.take(EVE)
    assert intake.deliveries() == [("recharge", 1, "UNIT", 60, 0, 60), ("recharge", 2, None, 60, 60, 0)]


def test_what_the_carrier_leaves_in_ack_that_is_no_answer_is_told(intake: Intake) -> None:
    folder = intake.root.parent / "ack" / "credit"
    (folder / "old").mkdir(parents=True)
    (folder / "credit.rsp").write_text("x")
    (folder / "credit_lyh2026_20260124_0001.txt").write_text("x")
    (folder / "credit_other_20260124_0001.rsp").write_text("x")  # another campaign's: its own runs read it
    intake.take(EVE)
    assert waiting(intake) == {
        "ack/credit/old": "NOT_A_FILE",
        "ack/credit/credit.rsp": "NAME",
        "ack/credit/credit_lyh2026_20260124_0001.txt": "NAME",
    }


def test_answers_under_no_interface_are_told(intake: Intake) -> None:
    ack = intake.root.parent / "ack"
    (ack / "credits").mkdir(parents=True)
    for path in (ack / "credit_lyh2026_20260124_0001.rsp", ack / "credits" / "credit_lyh2026_20260124_0001.rsp"):
        path.write_text("credit_lyh2026_20260124_0001.txt|RIGHT|1|0")
    intake.take(EVE)
    assert waiting(intake) == {"ack/credit_lyh2026_20260124_0001.rsp": "UNDECLARED", "ack/credits": "UNDECLARED"}


def test_an_answer_without_end_is_quarantined_and_not_read(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laoyouhui.pipeline.answers.LONGEST_ROW", 1)  # 100,000 rows of 1 KB are the limit
    folder = intake.root.parent / "ack" / "credit"
    folder.mkdir(parents=True)
    (folder / "credit_lyh2026_20260124_0001.rsp").write_bytes(b"x" * 200_000)
    report = intake.take(EVE)
    assert (report.answers_loaded, report.answers_quarantined) == (0, 1)
    assert intake.run("select state, reason from raw.answer") == [("SET_ASIDE", "SIZE")]


def test_a_rebuild_ingests_the_same_rows(intake: Intake, tmp_path: Path, postgres: Any) -> None:
    """What was quarantined, told or mended leaves no trace in what is loaded from the same `in/`."""
    good(intake)
    intake.deliver("recharge", EVE, [recharge(2)], total="1", seq=1)
    intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=2)
    (intake.root / "recharge" / "README").write_text("x")
    intake.take(EVE)
    anew = Intake(tmp_path / "anew", postgres.create_database("anew"))
    shutil.copytree(intake.root, anew.root, dirs_exist_ok=True)
    anew.take(EVE)
    assert anew.deliveries() == intake.deliveries()
    assert waiting(anew) == waiting(intake)
    ask = "select delivery_no, line_no, recharge_id from raw.recharge order by 1, 2"
    assert anew.run(ask) == intake.run(ask)


# --- the carrier's last word ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [(EVE, EVE, EVE), (EVE, D, NEXT), (EVE, D, D)], ids=["one date", "three", "two"])
@pytest.mark.parametrize("gz", [False, True], ids=["plain", "another ending"])
def test_what_came_last_under_a_name_stands_also_where_it_came_before(intake: Intake, days: Any, gz: bool) -> None:
    """A, B, and A again: of a snapshot the second A stands for its date, of events its rows are read again."""
    for number, day in enumerate(days):
        for ending in (".txt", ".txt.gz"):
            for feed in ("subscriber", "recharge"):
                (intake.root / feed / f"{feed}_20260125_0001{ending}").unlink(missing_ok=True)
        intake.deliver("subscriber", EVE, [subscriber(1, "AS"[number % 2])], gz=gz and number == 1)
        intake.deliver("recharge", EVE, [recharge(1 + number % 2)], total="10000", gz=gz and number == 1)
        intake.take(day)
        assert intake.take(day).files == ()
        if number == 2 or days[number + 1] > day:
            intake.release(day)
    last = intake.run("select max(delivery_no) from raw.delivery where feed = 'subscriber'")[0][0]
    assert intake.run("select status from raw.subscriber where delivery_no = %s", last) == [("A",)]
    assert intake.run("select recharge_id from raw.recharge order by delivery_no") == [("R1",), ("R2",), ("R1",)]
    assert waiting(intake) == {}


def test_a_rebuild_reads_what_came_last_and_came_before(intake: Intake, tmp_path: Path, postgres: Any) -> None:
    """Receipts name the content by its first date; delivered anew day by day, each is read when it was."""
    anew = Intake(tmp_path / "anew", postgres.create_database("anew_last_word"))
    days = (EVE, D, NEXT)
    receipts = anew.settings.journal / "lyh2026" / "receipts"
    receipts.mkdir(parents=True)
    checks = []
    for rebuilt, one in enumerate((intake, anew)):
        for number, day in enumerate(days):
            path = one.deliver("subscriber", EVE, [subscriber(1, "AS"[number % 2])])
            if not rebuilt:
                checks.append(path.with_suffix(".chk").read_text().strip())
                told = f'[["LOADED", "file", "subscriber", "{path.name}", "{checks[-1]}"]]'
                (receipts / f"{day:%Y%m%d}.json").write_text(told)
            one.take(day)
            one.release(day)
    taken = "select check_line, received_on from raw.delivery order by delivery_no"
    assert anew.run(taken) == intake.run(taken) == list(zip(checks, days, strict=True))


@pytest.mark.parametrize("cleared", [".txt", ".chk"])
def test_one_half_of_a_loaded_pair_that_the_carrier_clears_is_no_news(intake: Intake, cleared: str) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    bad = intake.deliver("recharge", EVE, [recharge(2)], total="1", seq=2)
    intake.take(EVE)
    intake.release(EVE)
    path.with_suffix(cleared).unlink()
    bad.with_suffix(cleared).unlink()  # this one was quarantined: its correction is awaited
    intake.take(D)
    reason = {".txt": "NO_DATA", ".chk": "NO_CHECK"}[cleared]
    left = {".txt": ".chk", ".chk": ".txt"}[cleared]
    assert waiting(intake) == {f"in/recharge/recharge_20260125_0002{left}": reason}


def test_new_data_under_a_loaded_name_still_needs_its_check_file(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    intake.take(EVE)
    path.with_suffix(".chk").unlink()
    path.write_text(recharge(2) + "\n")
    intake.take(EVE)
    assert waiting(intake) == {"in/recharge/recharge_20260125_0001.txt": "NO_CHECK"}


# --- dates that cannot be ---------------------------------------------------------------------------------------------


def test_a_file_dated_long_before_the_campaign_is_listed_and_never_loaded(intake: Intake) -> None:
    for name in ("recharge_00010101_0001", "recharge_20240124_0001"):
        for ending in (".txt", ".chk"):
            (intake.root / "recharge").mkdir(exist_ok=True)
            (intake.root / "recharge" / f"{name}{ending}").write_text("x")
    old = recharge(1).replace("|20260124", "|20250124")
    intake.deliver("recharge", EVE.replace(year=2025), [old], total="10000")  # history, for the planner
    intake.deliver("subscriber", EVE.replace(year=1994), [subscriber(1)]).with_suffix(".chk").unlink()
    intake.take(EVE)
    assert waiting(intake) == {
        "in/recharge/recharge_00010101_0001.chk": "EARLIER",
        "in/recharge/recharge_20240124_0001.chk": "EARLIER",
        "in/subscriber/subscriber_19940125_0001.txt": "EARLIER",
    }
    assert [row[:3] for row in intake.deliveries()] == [("recharge", 1, None)]


def test_an_answer_named_for_a_file_of_a_later_date_is_listed(intake: Intake) -> None:
    folder = intake.root.parent / "ack" / "credit"
    folder.mkdir(parents=True)
    for day in ("00010101", "20260124", "20260125", "20270101"):
        (folder / f"credit_lyh2026_{day}_0001.rsp").write_text(f"credit_lyh2026_{day}_0001|RIGHT|1|0\n")
    intake.take(EVE)
    assert waiting(intake) == {"ack/credit/credit_lyh2026_20270101_0001.rsp": "LATER"}
    assert intake.run("select file_stem, reason from raw.answer order by 1") == [
        ("credit_lyh2026_00010101_0001", "UNKNOWN_FILE"),
        ("credit_lyh2026_20260124_0001", "UNKNOWN_FILE"),
    ]


# --- snapshots without rows -------------------------------------------------------------------------------------------


def test_a_first_snapshot_without_rows_is_refused(intake: Intake) -> None:
    for feed in ("subscriber", "hall"):
        intake.deliver(feed, EVE, [])
    intake.deliver("optout", EVE, [])  # of events there may be none
    assert {(file.feed, file.reason) for file in intake.take(EVE).files} == {
        ("subscriber", "EMPTY"), ("hall", "EMPTY"), ("optout", None)
    }  # fmt: skip
    intake.deliver("subscriber", EVE, [subscriber(1)], seq=2)
    assert [(file.feed, file.reason) for file in intake.take(EVE).files] == [("subscriber", None)]


@pytest.mark.parametrize(("before", "reason"), [(100, "EMPTY"), (99, None)])
def test_a_later_snapshot_without_rows_is_refused_where_it_lost_too_many(
    intake: Intake, before: int, reason: str | None
) -> None:
    intake.deliver("subscriber", EVE, [subscriber(number) for number in range(before)])
    intake.deliver("subscriber", D, [])
    intake.take(EVE)
    intake.release(EVE)
    assert [file.reason for file in intake.take(D).files] == [reason]


# --- folders, links and what cannot be listed -------------------------------------------------------------------------


def test_what_is_no_folder_where_one_is_expected_is_listed_and_the_others_go_on(intake: Intake, tmp_path: Path) -> None:
    good(intake)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stolen = intake.deliver("card_claim", EVE, ["C1|S1|20260124101112|TENCENT"])
    for path in (stolen, stolen.with_suffix(".chk")):
        path.rename(elsewhere / path.name)
    (intake.root / "card_claim").rmdir()
    (intake.root / "card_claim").symlink_to(elsewhere)
    (intake.root / "hall").write_text("x")
    exchange = intake.root.parent
    for folder in ("ack", "out"):
        (exchange / folder).mkdir()
    (exchange / "ack" / "sms").write_text("x")
    (exchange / "ack" / "credit").symlink_to(elsewhere)
    (exchange / "out" / "credit").symlink_to(elsewhere)
    intake.take(EVE)
    assert waiting(intake) == dict.fromkeys(
        ("in/card_claim", "in/hall", "ack/sms", "ack/credit", "out/credit"), "NOT_A_FOLDER"
    )
    assert_the_good_one_is_loaded(intake)
    (exchange / "out").rename(tmp_path / "out")
    (exchange / "out").symlink_to(tmp_path / "out")
    intake.take(EVE)
    assert waiting(intake)["out"] == "NOT_A_FOLDER"


def test_an_in_that_cannot_be_listed_ends_the_run_with_one_error(intake: Intake, tmp_path: Path) -> None:
    good(intake)
    intake.root.rename(tmp_path / "in")
    for make in (lambda path: path.symlink_to(tmp_path / "in"), lambda path: path.write_text("x")):
        make(intake.root)
        with pytest.raises(TransportError, match=r"in: .*put a folder there\. Nothing can be ingested before that"):
            intake.take(EVE)
        intake.root.unlink()
    (tmp_path / "in").rename(intake.root)
    intake.take(EVE)
    assert_the_good_one_is_loaded(intake)


# --- receipts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["99991231", "20260127", "20260126"])
@pytest.mark.parametrize("holds", ["[]", '[["LOADED", "file", "recharge", "x", "y"]]'])
def test_receipts_of_a_later_date_are_refused_and_hold_nothing_back_in_silence(
    intake: Intake, name: str, holds: str
) -> None:
    good(intake)
    folder = intake.settings.journal / "lyh2026" / "receipts"
    folder.mkdir(parents=True)
    (folder / f"{name}.json").write_text(holds)
    with pytest.raises(JournalError, match=rf"{name}.json: receipts of .*move them away"):
        intake.take(EVE)
    (folder / f"{name}.json").unlink()
    intake.take(EVE)
    assert_the_good_one_is_loaded(intake)


def test_receipts_of_a_date_that_is_not_over_are_refused_also_in_a_rebuild(intake: Intake) -> None:
    good(intake)
    folder = intake.settings.journal / "lyh2026" / "receipts"
    folder.mkdir(parents=True)
    for name in ("20260125", "20260127"):
        (folder / f"{name}.json").write_text("[]")
    with pytest.raises(JournalError, match=r"20260127.json: receipts of a date that is not over"):
        ingest(replace(intake.settings, today=NEXT), EVE)


def test_what_a_receipt_holds_back_is_listed(intake: Intake) -> None:
    intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    late = intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=2)
    folder = intake.settings.journal / "lyh2026" / "receipts"
    folder.mkdir(parents=True)
    line = late.with_suffix(".chk").read_text().strip()
    (folder / "20260125.json").write_text("[]")
    (folder / "20260126.json").write_text(f'[["LOADED", "file", "recharge", "{late.name}", "{line}"]]')
    intake.take(EVE)
    assert intake.run("select path, reason, detail from raw.waiting order by path") == [
        ("in/recharge/recharge_20260125_0001.txt", "RECEIPT",
         "no run up to 2026-01-26 ingested it, which left the last receipts: it waits until that date is closed"),
        ("in/recharge/recharge_20260125_0002.txt", "RECEIPT",
         "the run of 2026-01-26 was the first to ingest it: it waits for that date"),
    ]  # fmt: skip
    intake.release(EVE)
    intake.take(D)
    intake.release(D)
    intake.take(NEXT)
    assert waiting(intake) == {}
    assert intake.run("select count(*) from raw.recharge") == [(2,)]


# --- secrets in the wrong place ---------------------------------------------------------------------------------------

CODE = "ABCD-EFGH-1234-5678"
STOCK = f"{CODE}|TENCENT|20260120|20271231|15.00"


def _swapped(intake: Intake, feed: str) -> None:
    path = intake.deliver(feed, EVE, [STOCK])
    check = path.with_suffix(".chk")
    data, line = path.read_bytes(), check.read_bytes()
    path.write_bytes(line)
    check.write_bytes(data)


def _named(intake: Intake, feed: str, ending: str) -> None:
    (intake.root / feed).mkdir(exist_ok=True)
    (intake.root / feed / f"{CODE}{ending}").write_text("x")


def _pair_named(intake: Intake, feed: str) -> None:
    path = intake.deliver(feed, EVE, [STOCK])
    for ending in (".txt", ".chk"):
        path.with_suffix(ending).rename(path.with_name(f"{CODE}{ending}"))


def _check_names(intake: Intake, feed: str) -> None:
    intake.deliver(feed, EVE, [STOCK], file=CODE)


def _folder_named(intake: Intake) -> None:
    (intake.root / CODE).mkdir()
    (intake.root / f"{CODE}.txt").write_text("x")
    (intake.root.parent / "ack" / "sms" / CODE).mkdir(parents=True)
    (intake.root.parent / "ack" / "sms" / f"{CODE}.rsp").write_text("x")


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda intake: _swapped(intake, "card_stock"), id="data and check file swapped"),
        pytest.param(lambda intake: _swapped(intake, "recharge"), id="swapped, under another feed"),
        pytest.param(lambda intake: intake.deliver("recharge", EVE, [STOCK]), id="under another feed"),
        pytest.param(lambda intake: intake.deliver("expense", EVE, [STOCK], total="15.00"), id="of as many columns"),
        pytest.param(lambda intake: intake.deliver("hall", EVE, [STOCK.replace("|", ",")]), id="another delimiter"),
        pytest.param(lambda intake: intake.deliver("card_claim", EVE, [STOCK + "\0"]), id="no text"),
        pytest.param(lambda intake: intake.deliver("card_stock", EVE, [STOCK + "|x", f"{CODE}||||"]), id="bad rows"),
        pytest.param(lambda intake: _named(intake, "card_stock", ".txt"), id="a file's name"),
        pytest.param(lambda intake: _named(intake, "card_stock", ".chk"), id="a check file's name"),
        pytest.param(lambda intake: _named(intake, "card_stock", ""), id="a name without ending"),
        pytest.param(lambda intake: _named(intake, "recharge", ".txt"), id="a file's name under another feed"),
        pytest.param(lambda intake: _pair_named(intake, "card_stock"), id="a pair's name"),
        pytest.param(lambda intake: _pair_named(intake, "recharge"), id="a pair's name under another feed"),
        pytest.param(lambda intake: _check_names(intake, "card_stock"), id="a check file names it"),
        pytest.param(lambda intake: _check_names(intake, "recharge"), id="a check file of another feed names it"),
        pytest.param(_folder_named, id="a folder's name, a name in in/, names in ack/"),
    ],
)
def test_a_code_in_the_wrong_place_is_shown_nowhere(
    intake: Intake, mistake: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good(intake)
    mistake(intake)
    with caplog.at_level("DEBUG"):
        report = intake.take(EVE)
        intake.take(EVE)  # as it stands it was judged
    assert_the_good_one_is_loaded(intake)
    told = [*waiting(intake), *(row for row in intake.deliveries() if row[2])]
    told += intake.run("select reason from raw.quarantined_row")
    assert told, "what is wrong is not silent"
    shown = [
        intake.run(f"select t::text from {table} as t")
        for table in ("raw.delivery", "raw.quarantined_row", "raw.waiting", "raw.arrival")
    ]
    raw = intake.run("select coalesce(raw_bytes, '') from raw.quarantined_row")
    for text in (str(shown), str(raw), caplog.text, str(report)):
        assert CODE not in text


def test_names_that_tell_nothing_secret_are_shown(intake: Intake) -> None:
    (intake.root / "recharge").mkdir()
    for name in ("README", "recharge_20260125_0001.csv", "old list.txt", "subscriber_20260125_0001.txt", "充值.chk"):
        (intake.root / "recharge" / name).write_text("x")
    intake.take(EVE)
    assert {path.rpartition("/")[2] for path in waiting(intake)} == {
        "README", "recharge_20260125_0001.csv", "old list.txt", "subscriber_20260125_0001.txt", "充值.chk"
    }  # fmt: skip
