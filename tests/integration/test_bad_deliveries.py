"""Every bad state of a delivery on a real PostgreSQL: what is set aside, what waits, what goes on, how it is mended.

What one file's bytes may hold is in tests/unit/feeds; days and money in tests/campaign/test_bad_input.py.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.integration.test_take_in import EVE, NEXT, D, Intake, recharge, subscriber

from laoyouhui.delivery.transport import FolderTransport


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
    assert intake.run("select count(*) from raw.delivery where rows_received <> rows_loaded + rows_set_aside") == [(0,)]


def test_a_file_that_arrives_half_written_is_set_aside_and_loaded_when_it_is_whole(intake: Intake) -> None:
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


def test_an_empty_check_file_is_set_aside_until_it_is_written(intake: Intake) -> None:
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


def test_a_day_missing_is_taken_in_when_it_comes_under_its_own_date(intake: Intake) -> None:
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


def test_a_file_that_changes_while_it_is_read_is_set_aside_and_loaded_when_it_rests(
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


def test_a_file_in_another_unit_is_set_aside_and_its_correction_is_loaded(intake: Intake) -> None:
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


def test_an_answer_without_end_is_set_aside_and_not_read(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laoyouhui.pipeline.answers.LONGEST_ROW", 1)  # 100,000 rows of 1 KB are the limit
    folder = intake.root.parent / "ack" / "credit"
    folder.mkdir(parents=True)
    (folder / "credit_lyh2026_20260124_0001.rsp").write_bytes(b"x" * 200_000)
    report = intake.take(EVE)
    assert (report.answers_loaded, report.answers_set_aside) == (0, 1)
    assert intake.run("select state, reason from raw.answer") == [("SET_ASIDE", "SIZE")]


def test_a_rebuild_takes_in_the_same_rows(intake: Intake, tmp_path: Path, postgres: Any) -> None:
    """What was set aside, told or mended leaves no trace in what is loaded from the same `in/`."""
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
