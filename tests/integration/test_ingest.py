"""Taking in on a real PostgreSQL: each file once, whole or not at all, and every row accounted for."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.ingest import IngestError, IngestReport, ingest
from laoyouhui.warehouse.connection import RunningError, connect, lock_warehouse
from laoyouhui.warehouse.load import copy_lines

HOME = Path(__file__).parents[2]
EVE, D, NEXT = date(2026, 1, 25), date(2026, 1, 26), date(2026, 1, 27)


class Intake:
    """One exchange and one warehouse."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.root = folder / "exchange" / "in"
        self.root.mkdir(parents=True)
        campaign = folder / "campaigns" / "lyh2026.yml"
        campaign.parent.mkdir()
        shutil.copy(HOME / "campaigns" / "lyh2026.yml", campaign)
        self.settings = Settings(HOME, str(folder / "exchange"), (campaign,), folder / "work", dsn)

    def deliver(
        self,
        feed: str,
        day: date,
        lines: Sequence[str],
        *,
        seq: int = 1,
        gz: bool = False,
        total: str = "",
        **said: Any,
    ) -> Path:
        """Write a data file and its check file; `said` is what the check file says otherwise than is true."""
        data = "".join(f"{line}\n" for line in lines).encode("gb18030")
        data = gzip.compress(data) if gz else data
        stem = f"{feed}_{day:%Y%m%d}_{seq:04}"
        path = self.root / feed / f"{stem}.txt{'.gz' if gz else ''}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        true = {"file": path.name, "bytes": len(data), "rows": len(lines), "sha256": hashlib.sha256(data).hexdigest()}
        check = true | {"total": total} | said
        (path.parent / f"{stem}.chk").write_text("|".join(str(value) for value in check.values()) + "\n")
        return path

    def take(self, day: date) -> IngestReport:
        return ingest(self.settings, day)

    def release(self, day: date) -> None:
        self.run(
            "update raw.run set attempts_released = attempts_released + 1, released_at = now() where business_date = "
            "%s",
            day,
        )

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_dsn) as conn:
            cursor = conn.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def deliveries(self) -> list[tuple[Any, ...]]:
        """(feed, seq, reason, rows received, loaded, quarantined), in the order in which they were ingested."""
        return self.run(
            "select feed, seq, reason, rows_received, rows_loaded, rows_quarantined from raw.delivery "
            "order by delivery_no"
        )


@pytest.fixture
def intake(tmp_path: Path, database_dsn: str) -> Intake:
    return Intake(tmp_path, database_dsn)


def subscriber(number: int, status: str = "A") -> str:
    return f"S{number}|13012345678|C{number}|010|20150131|{status}|20200101|CONSUMER|MAIN|Y|||P1|1980|F|Y"


def recharge(number: int, channel: str = "APP") -> str:
    return f"R{number}|S{number}||20260124101112|RECHARGE||10000|9500|{channel}||"


def test_what_was_delivered_is_loaded_as_it_was_formatted(intake: Intake) -> None:
    intake.deliver("subscriber", EVE, [subscriber(1), "S2|||||A||||||||||"], gz=True)
    intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    intake.deliver("hall", EVE, [r"H1|億達\N墊江\厅|010|20260101|"])
    intake.deliver("expense", EVE, ["V1|20260125|B7|1234.50|场地"], total="1234.50")
    intake.deliver("optout", EVE, [])
    report = intake.take(EVE)
    assert (report.attempt_no, report.is_closed, len(report.files)) == (1, False, 5)
    assert intake.deliveries() == [
        ("subscriber", 1, None, 2, 2, 0),
        ("recharge", 1, None, 1, 1, 0),
        ("hall", 1, None, 1, 1, 0),
        ("expense", 1, None, 1, 1, 0),
        ("optout", 1, None, 0, 0, 0),
    ]
    assert intake.run("select line_no, name, designated_to from raw.hall") == [(1, r"億達\N墊江\厅", None)]
    assert intake.run(
        "select subscriber_id, msisdn, activation_date, sms_consent from raw.subscriber order by line_no"
    ) == [
        ("S1", "13012345678", "20150131", "Y"),
        ("S2", None, None, None),
    ]
    assert intake.run("select amount_yuan, memo from raw.expense") == [("1234.50", "场地")]
    assert intake.run("select business_date, attempt_no, is_retry from raw.current_run") == [(EVE, 1, False)]
    assert intake.run("select column_name from raw.feed_column where unit = 'yuan' and feed = 'expense'") == [
        ("amount_yuan",)
    ]


def test_a_file_is_loaded_once_whatever_is_retried(intake: Intake) -> None:
    intake.deliver("subscriber", EVE, [subscriber(1)])
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    intake.take(EVE)
    path.touch()
    assert intake.take(EVE).files == ()
    assert intake.run("select attempt_no, is_retry from raw.current_run") == [(1, True)]
    intake.release(EVE)
    assert intake.take(EVE).files == ()  # a second attempt of a released date
    assert intake.run("select attempt_no, is_retry from raw.current_run") == [(2, False)]
    intake.release(EVE)
    assert intake.take(D).files == ()
    assert intake.run("select count(*) from raw.recharge") == [(1,)]


def test_bad_rows_are_quarantined_with_file_line_text_and_reason(intake: Intake) -> None:
    lines = [recharge(number) for number in range(200)]
    lines[6] = "R6|億|x"
    lines[9] = recharge(9, "WEB")
    intake.deliver("recharge", EVE, lines, total="1990000")
    intake.take(EVE)
    assert intake.deliveries() == [("recharge", 1, None, 200, 198, 2)]
    assert intake.run(
        "select line_no, reason, field, expected, raw_text, raw_bytes from raw.quarantined_row order by line_no"
    ) == [
        (7, "FIELDS", None, "11 fields, found 3", "R6|億|x", "R6|億|x".encode("gb18030")),
        (10, "CODE", "channel", "one of APP, HALL, AGENT, BANK, CARD", recharge(9, "WEB"), recharge(9, "WEB").encode()),
    ]
    assert intake.run("select count(*), max(line_no) from raw.recharge") == [(198, 200)]


def test_bad_rows_of_any_bytes_are_kept(intake: Intake) -> None:
    path = intake.deliver("hall", EVE, [])
    data = b"".join(b"H%d||||\n" % number for number in range(300)) + b"H\0|x|||\n\xff\xfe\\|\r\n"
    path.write_bytes(data)
    check = f"{path.name}|{len(data)}|302|{hashlib.sha256(data).hexdigest()}|"
    path.with_suffix(".chk").write_text(check)
    intake.take(EVE)
    assert intake.deliveries() == [("hall", 1, None, 302, 300, 2)]
    assert intake.run("select line_no, reason, raw_text, raw_bytes from raw.quarantined_row order by line_no") == [
        (301, "NUL", None, b"H\0|x|||"),
        (302, "ENCODING", None, b"\xff\xfe\\|\r"),
    ]


@pytest.mark.parametrize(("bad", "reason"), [(2, None), (3, "BAD_ROWS")])
def test_one_percent_of_bad_rows_is_the_limit(intake: Intake, bad: int, reason: str | None) -> None:
    intake.deliver("recharge", EVE, [recharge(n, "WEB" if n < bad else "APP") for n in range(200)], total="2000000")
    (taken,) = intake.take(EVE).files
    assert taken.reason == reason
    loaded = 0 if reason else 198
    assert intake.deliveries() == [("recharge", 1, reason, 200, loaded, 200 - loaded)]
    assert intake.run("select count(*) from raw.recharge") == [(loaded,)]
    assert intake.run("select count(*) from raw.quarantined_row") == [(bad,)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"bytes": 1}, "SIZE"),
        ({"rows": 3}, "ROWS"),
        ({"sha256": "0" * 64}, "CHECKSUM"),
        ({"total": "30000"}, "CONTROL_TOTAL"),
        ({"file": "recharge_20260125_0002.txt"}, "NAME"),
        ({"rows": "two"}, "CHECK_FILE"),
    ],
)
def test_a_file_that_disagrees_is_quarantined_whole_until_it_is_corrected(
    intake: Intake, said: dict[str, object], reason: str
) -> None:
    lines = [recharge(1), recharge(2)]
    intake.deliver("recharge", EVE, lines, **({"total": "20000"} | said))  # type: ignore[arg-type]
    (taken,) = intake.take(EVE).files
    assert (taken.reason, taken.rows_received, taken.rows_quarantined) == (reason, 2, 2)
    assert taken.detail
    assert intake.run("select count(*) from raw.recharge") == [(0,)]
    assert intake.take(EVE).files == ()  # as it stands it was judged

    intake.deliver("recharge", EVE, lines, total="20000")  # the same name with a new check file
    assert [file.reason for file in intake.take(EVE).files] == [None]
    assert intake.deliveries() == [("recharge", 1, reason, 2, 0, 2), ("recharge", 1, None, 2, 2, 0)]


def test_a_mended_data_file_under_the_same_check_file_is_looked_at_again(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert [file.reason for file in intake.take(EVE).files] == ["SIZE"]
    path.write_bytes(whole)
    assert [file.reason for file in intake.take(EVE).files] == [None]


def test_a_correction_may_come_under_the_next_number(intake: Intake) -> None:
    intake.deliver("recharge", EVE, [recharge(1)], total="1")
    intake.deliver("recharge", EVE, [recharge(1)], total="10000", seq=2, gz=True)
    intake.take(EVE)
    assert intake.deliveries() == [("recharge", 1, "CONTROL_TOTAL", 1, 0, 1), ("recharge", 2, None, 1, 1, 0)]


def test_broken_gzip_is_quarantined(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000", gz=True)
    data = path.read_bytes()[:-4]
    path.write_bytes(data)
    check = f"{path.name}|{len(data)}|1|{hashlib.sha256(data).hexdigest()}|10000"
    (path.parent / "recharge_20260125_0001.chk").write_text(check)
    assert [file.reason for file in intake.take(EVE).files] == ["GZIP"]


def test_what_has_no_partner_waits(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    check = path.with_suffix(".chk")
    kept = check.read_bytes()
    check.unlink()
    (path.parent / "recharge_20260125_0002.chk").write_bytes(kept.replace(b"_0001", b"_0002"))
    assert intake.take(EVE).files == ()
    assert intake.deliveries() == []
    check.write_bytes(kept)
    assert len(intake.take(EVE).files) == 1


def test_a_name_that_says_no_date_is_quarantined(intake: Intake) -> None:
    path = intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    path.rename(path.with_name("recharge_20260231_0001.txt"))
    path.with_suffix(".chk").rename(path.with_name("recharge_20260231_0001.chk"))
    assert [file.reason for file in intake.take(EVE).files] == ["NAME"]


def test_files_of_later_dates_wait_for_their_run(intake: Intake) -> None:
    intake.deliver("recharge", D, [recharge(2)], total="10000")
    intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    assert [file.file_name for file in intake.take(EVE).files] == ["recharge_20260125_0001.txt"]
    intake.release(EVE)
    intake.deliver("recharge", EVE, [recharge(3)], total="10000", seq=2)
    assert [file.file_name for file in intake.take(D).files] == [
        "recharge_20260125_0002.txt",
        "recharge_20260126_0001.txt",
    ]
    assert intake.run("select distinct received_on from raw.delivery where seq = 2") == [(D,)]


def test_snapshots_are_kept_until_the_next_date_and_events_for_good(intake: Intake) -> None:
    for day in (EVE, D):
        intake.deliver("subscriber", day, [subscriber(1), subscriber(2)])
        intake.deliver("recharge", day, [recharge(day.day)], total="10000")
    intake.deliver("subscriber", EVE, [subscriber(3)], seq=2)
    intake.take(EVE)
    assert intake.run("select count(*), count(distinct delivery_no) from raw.subscriber") == [(3, 2)]
    intake.release(EVE)
    intake.take(D)
    assert intake.run("select count(*), count(distinct delivery_no) from raw.subscriber") == [(2, 1)]
    assert intake.run("select count(*) from raw.recharge") == [(2,)]
    intake.release(D)
    intake.take(NEXT)
    assert intake.run("select count(*) from raw.subscriber") == [(0,)]


def test_a_rebuild_ingests_each_file_on_its_day(intake: Intake) -> None:
    """A file that came late has a receipt of its late date; one that no run had seen waits until all are rebuilt."""
    intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    late = intake.deliver("recharge", EVE, [recharge(2)], total="10000", seq=2)
    check_line = late.with_suffix(".chk").read_text().strip()
    folder = intake.settings.journal / "lyh2026" / "receipts"
    folder.mkdir(parents=True)
    first = (late.parent / "recharge_20260125_0001.chk").read_text().strip()
    for day, name, line in ((EVE, "recharge_20260125_0001.txt", first), (D, late.name, check_line)):
        (folder / f"{day:%Y%m%d}.json").write_text(json.dumps([["LOADED", "file", "recharge", name, line]]))
    intake.deliver("recharge", EVE, [recharge(3)], total="10000", seq=3)
    assert [file.file_name for file in intake.take(EVE).files] == ["recharge_20260125_0001.txt"]
    intake.release(EVE)
    assert [file.file_name for file in intake.take(D).files] == [late.name]
    intake.release(D)
    assert [file.file_name for file in intake.take(NEXT).files] == ["recharge_20260125_0003.txt"]


def test_dates_are_closed_in_order(intake: Intake) -> None:
    intake.take(D)
    with pytest.raises(IngestError, match="2026-01-26 was begun and is not released"):
        intake.take(NEXT)
    intake.release(D)
    with pytest.raises(IngestError, match="2026-01-26 was closed before it"):
        intake.take(EVE)
    intake.take(NEXT)
    intake.release(NEXT)
    intake.deliver("recharge", D, [recharge(1)], total="10000")
    report = intake.take(D)
    assert (report.is_closed, report.files) == (True, ())
    assert intake.run("select business_date from raw.current_run") == [(NEXT,)]  # a closed date changes nothing
    assert len(intake.take(NEXT).files) == 1


def test_an_attempt_that_was_interrupted_by_another_dates_re_run_is_begun_again(intake: Intake) -> None:
    for day in (EVE, D):
        intake.take(day)
        intake.release(day)
    intake.take(NEXT)
    assert intake.take(EVE).is_closed
    intake.take(NEXT)
    assert intake.run("select business_date, attempt_no, is_retry from raw.current_run") == [(NEXT, 1, True)]


def test_two_runs_at_once_are_kept_apart(intake: Intake) -> None:
    with connect(intake.settings.warehouse_dsn) as first, connect(intake.settings.warehouse_dsn) as second:
        lock_warehouse(first, "decide", EVE)
        with pytest.raises(RunningError, match="ingest 2026-01-26: 'decide 2026-01-25' is running"):
            lock_warehouse(second, "ingest", D, wait_seconds=0.2)
    intake.take(EVE)


def test_a_dbt_that_still_works_is_waited_for(intake: Intake) -> None:
    with (
        psycopg.connect(intake.settings.warehouse_dsn, application_name="laoyouhui dbt"),
        connect(intake.settings.warehouse_dsn) as conn,
        pytest.raises(RunningError, match="'laoyouhui dbt' is running"),
    ):
        lock_warehouse(conn, "decide", EVE, wait_seconds=0.2)
    intake.take(EVE)


def test_a_date_ingested_again_alone_does_not_stop_the_next(intake: Intake) -> None:
    """The task ingest of a finished day is cleared alone: only what has come meanwhile is to be released."""
    intake.take(EVE)
    intake.release(EVE)
    intake.take(EVE)
    intake.take(EVE)
    intake.take(D)
    assert intake.take(EVE).is_closed  # it is followed, if by a date that is not released yet
    intake.release(D)
    intake.take(D)
    intake.deliver("recharge", D, [recharge(1)], total="10000")
    intake.take(D)
    with pytest.raises(IngestError, match="2026-01-26 was begun and is not released"):
        intake.take(NEXT)


def test_an_attempt_is_begun_again_whatever_the_clock_says(intake: Intake) -> None:
    intake.take(EVE)
    intake.release(EVE)
    intake.take(EVE)
    intake.run("update raw.run set started_at = released_at - interval '1 hour'")  # the clock was set back
    intake.take(EVE)
    assert intake.run("select attempt_no, is_retry from raw.current_run") == [(2, True)]


def test_deliveries_are_numbered_without_gaps_whatever_dies(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models keep the number: a counter of the server's loses some with each broken-off run, and 32 with each crash."""
    intake.deliver("hall", EVE, ["H1||||"])
    with monkeypatch.context() as broken:
        broken.setattr("laoyouhui.pipeline.ingest.FileScan.note", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            intake.take(EVE)
    intake.take(EVE)
    intake.deliver("hall", EVE, ["H1||||"], seq=2)
    intake.take(EVE)
    assert intake.run("select delivery_no from raw.delivery order by 1") == [(1,), (2,)]


def test_a_run_that_dies_leaves_no_part_of_a_file(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.deliver("recharge", EVE, [recharge(1)], total="10000")
    with monkeypatch.context() as broken:
        broken.setattr("laoyouhui.pipeline.ingest.FileScan.note", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            intake.take(EVE)
    assert intake.run("select count(*) from raw.recharge") == [(0,)]
    assert intake.deliveries() == []
    assert len(intake.take(EVE).files) == 1


def test_terms_that_a_released_date_was_decided_by_cannot_change(intake: Intake) -> None:
    campaign = intake.settings.campaign_files[0]
    text = campaign.read_text(encoding="utf-8")
    intake.take(EVE)
    campaign.write_text(text.replace("tenure_years: 5", "tenure_years: 4"), encoding="utf-8")
    intake.take(EVE)  # nothing is released yet
    intake.release(EVE)
    campaign.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="terms from 2026-01-26: changed in eligibility"):
        intake.take(D)
    later = text.replace("budget:  ", "  - effective_from: 2026-03-01\n    eligibility: {tenure_years: 4}\nbudget:  ")
    assert later != text
    campaign.write_text(later.replace("tenure_years: 5", "tenure_years: 4"), encoding="utf-8")
    intake.take(D)  # a further version is no such change: it waits for two people (rules, 14.3)
    assert intake.run("select count(*) from raw.campaign_terms") == [(1,)]
    assert intake.run("select campaign_id from raw.campaign_change") == [("lyh2026",)]


def test_the_reference_of_a_secret_cannot_be_made_without_the_secrets(intake: Intake) -> None:
    """Feed, line and check file are known to many: with them alone nobody can name another person's code."""
    intake.take(EVE)
    stock = load_carrier(HOME / "carriers" / "china_unicom.yml").feeds["card_stock"]

    def references(*codes: str) -> list[str]:
        lines = [f"{code}|TENCENT|20260120|20271231|15.00" for code in codes]
        with connect(intake.settings.warehouse_dsn) as conn:
            copy_lines(conn, "card_stock", stock, "|", 1, [(range(1, 3), lines)], sha256="0" * 64)
            found = conn.execute("select reference from vault.secret order by secret").fetchall()
            conn.rollback()
        return [reference for (reference,) in found]

    told, other = references("AAAA-1", "BBBB-2"), references("AAAA-1", "CCCC-3")
    assert len({*told, *other}) == 4
    assert references("AAAA-1", "BBBB-2") == told  # a rebuild finds the same
