"""Words of people and receipts of runs, as their files hold them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal, JournalError, Receipts
from laoyouhui.pipeline.words import WordError, parse_word, read_command

HOME = Path(__file__).parents[3]
NOW = datetime(2026, 2, 9, 9, 30, tzinfo=timezone(timedelta(hours=8)))
SAID_FIELDS = b'"said_by": "x", "why": "y", "said_at": "2026-02-09T09:30:00+08:00"'
SAID = ["--by", "张三", "--why", "已电话确认"]


@pytest.mark.parametrize(
    "command",
    [
        ["ask-again", "credit_lyh2026_20260204_0001"],
        ["give-up", "credit_lyh2026_20260204_0001", "--row", "a" * 32],
        ["choose", "R-1", "recharge_20260131_0001.txt", "7"],
    ],
)
def test_a_word_is_read_as_it_was_said(command: list[str]) -> None:
    word = read_command([*command, *SAID], NOW)
    assert parse_word(word.content()) == word
    assert word.file_name().startswith("20260209T093000_")
    assert word.file_name() != read_command([*command, "--by", "李四", "--why", "x"], NOW).file_name()


@pytest.mark.parametrize(
    "said", [["--by", " ", "--why", "x"], ["--by", "x", "--why", ""], ["--by", "a\nb", "--why", "x"]]
)
def test_a_word_needs_who_and_why(said: list[str]) -> None:
    with pytest.raises(ValidationError):
        read_command(["ask-again", "credit_lyh2026_20260204_0001", *said], NOW)


@pytest.mark.parametrize("said", [["--by", "x"], ["--why", "x"]])
def test_who_and_why_cannot_be_left_out(said: list[str]) -> None:
    with pytest.raises(SystemExit):
        read_command(["ask-again", "credit_lyh2026_20260204_0001", *said], NOW)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"kind": "ASK_AGAIN", %b}' % SAID_FIELDS,  # no target
        b'{"kind": "ASK_AGAIN", "file_stem": "f", "recharge_id": "r", %b}' % SAID_FIELDS,  # two targets
        b'{"kind": "CHOOSE", "recharge_id": "r", "source_file": "f", %b}' % SAID_FIELDS,  # half a target
        b'{"kind": "FORGIVE", "file_stem": "f", %b}' % SAID_FIELDS,
        b'{"kind": "GIVE_UP", "file_stem": "f", %b}' % SAID_FIELDS.replace(b"+08:00", b""),  # no zone
    ],
)
def test_what_is_no_word_is_refused(content: bytes) -> None:
    with pytest.raises(WordError):
        parse_word(content)


@given(st.binary())
def test_any_bytes_give_a_word_or_a_reason(content: bytes) -> None:
    with pytest.raises(WordError):
        parse_word(content)


def test_a_thing_is_taken_in_on_the_date_of_its_receipt() -> None:
    told = {("word", "w"): date(2026, 2, 5)}
    last = date(2026, 2, 7)

    def allowed(day: int, pass_no: int, name: str) -> bool:
        return Receipts(date(2026, 2, day), pass_no, told, {}, last).allow(("word", name))

    assert [allowed(day, 1, "w") for day in (4, 5, 6)] == [False, True, True]
    # what no run had seen waits while the dates that left receipts are rebuilt ...
    assert [allowed(day, 1, "new") for day in (5, 7, 8)] == [False, False, True]
    assert allowed(7, 2, "new")  # ... but a date run again after its release looks for what has come since
    assert Receipts().allow(("word", "new"))


def test_broken_receipts_are_told_with_what_to_do(tmp_path: Path) -> None:
    exchange = tmp_path / "exchange"
    settings = Settings(HOME, str(exchange), (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", "")
    receipts = exchange / "journal" / "lyh2026" / "receipts"
    receipts.mkdir(parents=True)
    (receipts / "20260205.json").write_text('[["LOADED", "word"')
    with pytest.raises(JournalError, match=r"20260205.json: .*restore it"):
        Journal(settings, load_campaign(settings.campaign_files[0])).receipts(date(2026, 2, 6), 1)


def test_the_journal_is_never_on_the_carriers_server(tmp_path: Path) -> None:
    settings = Settings(HOME, "connection:carrier_sftp", (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", "")
    assert settings.journal == tmp_path / "work" / "journal"
