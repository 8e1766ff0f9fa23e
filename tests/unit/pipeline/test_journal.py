"""The chain of manual overrides and the receipts of runs, as their files hold them."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal, JournalError, Receipts
from laoyouhui.pipeline.override_kinds import KINDS
from laoyouhui.pipeline.overrides import read_command, read_overrides

HOME = Path(__file__).parents[3]
NOW = datetime(2026, 2, 9, 9, 30, tzinfo=timezone(timedelta(hours=8)))
SAID = ["--by", "张三", "--why", "已电话确认"]


def settings_in(folder: Path) -> Settings:
    return Settings(HOME, str(folder / "exchange"), (HOME / "campaigns" / "lyh2026.yml",), folder / "work", "")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    settings = settings_in(tmp_path)
    return Journal(settings, load_campaign(settings.campaign_files[0]))


def ask(journal: Journal, number: int) -> None:
    word = read_command(["ask-again", f"credit_lyh2026_20260204_{number:04}", *SAID], NOW)
    with journal.locked():
        journal.add({"entry": "ASK", **word.model_dump(mode="json")})


# --- what is asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "ask-again credit_lyh2026_20260204_0001",
        "give-up credit_lyh2026_20260204_0001 --row " + "a" * 32,
        "choose R-1 recharge_20260131_0001.txt 7",
        "waive lyh2026/STOCK/POSTER",
    ],
)
def test_an_override_is_read_as_it_was_said(journal: Journal, command: str) -> None:
    word = read_command([*command.split(), *SAID], NOW)
    with journal.locked():
        entry = journal.add({"entry": "ASK", **word.model_dump(mode="json")})
    (override,) = read_overrides(journal)
    assert override.request == word
    assert str(override.request) == command
    assert override.name == entry.name == f"000001-{entry.sha256[:12]}"


def test_what_moves_money_or_opens_a_gate_needs_two() -> None:
    assert {name for name, kind in KINDS.items() if not kind.needs_two} <= {"ASK_AGAIN", "ACCEPT_ALERT"}


@pytest.mark.parametrize(
    "said", [["--by", " ", "--why", "x"], ["--by", "x", "--why", ""], ["--by", "a\nb", "--why", "x"]]
)
def test_an_override_needs_who_and_why(said: list[str]) -> None:
    with pytest.raises(ValidationError):
        read_command(["ask-again", "credit_lyh2026_20260204_0001", *said], NOW)


@pytest.mark.parametrize(
    "hidden", ["\x85", "\x1b[2J", "\x0c", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\ufeff", "\ue000"]
)
@pytest.mark.parametrize("place", ["file", "row", "by", "why"])
def test_an_override_holds_no_invisible_character_anywhere(place: str, hidden: str) -> None:
    given = {"file": "credit_1", "row": "k", "by": "张三", "why": "说明"}
    given[place] = f"{given[place]}{hidden}x"
    with pytest.raises(ValidationError, match="without control or invisible characters"):
        read_command(
            ["ask-again", given["file"], "--row", given["row"], "--by", given["by"], "--why", given["why"]], NOW
        )


@pytest.mark.parametrize("said", [["--by", "x"], ["--why", "x"]])
def test_who_and_why_cannot_be_left_out(said: list[str]) -> None:
    with pytest.raises(SystemExit):
        read_command(["ask-again", "credit_lyh2026_20260204_0001", *said], NOW)


# --- the chain -------------------------------------------------------------------------------------------------------


def edited(folder: Path) -> None:
    path = folder / "000002.json"
    path.write_text(path.read_text(encoding="utf-8").replace("张三", "李四"), encoding="utf-8")


def exchanged(folder: Path) -> None:
    second, third = (folder / f"{no:06d}.json" for no in (2, 3))
    first = second.read_bytes()
    second.write_bytes(third.read_bytes())
    third.write_bytes(first)


def renumbered(folder: Path) -> None:
    (folder / "000004.json").rename(folder / "000009.json")


def laid_in(folder: Path) -> None:
    says = {"no": 5, "previous": "0" * 64, "entry": "ASK", "kind": "CHOOSE", "said_by": "财务总监 李四"}
    (folder / "000005.json").write_text(json.dumps(says), encoding="utf-8")


def linked(folder: Path) -> None:
    target = folder.parent / "elsewhere.json"
    (folder / "000003.json").rename(target)
    (folder / "000003.json").symlink_to(target)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (edited, r"000003.json: the chain breaks here.* entry 2.*restore"),
        (exchanged, r"000002.json: the chain breaks here"),
        (lambda folder: (folder / "000002.json").unlink(), r"entry 000002.json is missing.*restore"),
        (lambda folder: (folder / "000001.json").unlink(), r"entry 000001.json is missing"),
        (renumbered, r"entry 000004.json is missing"),
        (laid_in, r"000005.json: the chain breaks here"),
        (lambda folder: (folder / "20260204T090000_x.json").write_text("{}"), r"20260204T090000_x.json is no entry"),
        (lambda folder: (folder / "000002.json").write_bytes(b'{"no": 2'), r"000002.json: no entry"),
        (lambda folder: (folder / "000002.json").write_bytes(b"[]"), r"000002.json: no entry"),
        (linked, r"000003.json: cannot be read"),
    ],
)
def test_a_broken_chain_says_which_entry_and_what_to_do(
    journal: Journal, harm: Callable[[Path], object], told: str
) -> None:
    for number in range(1, 5):
        ask(journal, number)
    assert len(journal.entries()) == 4
    harm(journal.folder / "overrides")
    with pytest.raises(JournalError, match=told):
        journal.entries()
    with pytest.raises(JournalError), journal.locked():
        journal.add({"entry": "ASK"})  # nothing is added to what cannot be trusted


def test_an_entry_that_no_command_writes_stops_whoever_reads_it(journal: Journal) -> None:
    with journal.locked():
        journal.add({"entry": "ASK", "kind": "FORGIVE", "said_by": "x", "why": "y", "fields": {}})
    with pytest.raises(JournalError, match=r"entry 1 says what no command writes \(kind: .*expected one of"):
        read_overrides(journal)


@settings(deadline=None)
@given(content=st.binary())
def test_any_bytes_in_the_place_of_an_entry_give_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    made = settings_in(tmp_path_factory.mktemp("bytes"))
    journal = Journal(made, load_campaign(made.campaign_files[0]))
    (journal.folder / "overrides").mkdir(parents=True)
    (journal.folder / "overrides" / "000001.json").write_bytes(content)
    with pytest.raises(JournalError, match=r"000001.json: "):
        journal.entries()


def _ask_often(folder: Path, who: int) -> None:
    settings = settings_in(folder)
    journal = Journal(settings, load_campaign(settings.campaign_files[0]))
    for number in range(10):
        ask(journal, who * 100 + number)


def test_two_commands_at_once_do_not_fork_the_chain(journal: Journal, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_ask_often, args=(tmp_path, who)) for who in (1, 2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [each.exitcode for each in both] == [0, 0]
    said = [override.request.fields["file_stem"] for override in read_overrides(journal)]
    assert len(said) == len(set(said)) == 20


def test_the_journal_is_private_whatever_the_umask(journal: Journal) -> None:
    before = os.umask(0)
    try:
        ask(journal, 1)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(journal.folder.parent.parent).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in [journal.folder.parent, *journal.folder.parent.rglob("*")]
    }
    assert modes == {
        "journal": 0o700,
        "journal/lyh2026": 0o700,
        "journal/lyh2026/.lock": 0o600,
        "journal/lyh2026/overrides": 0o700,
        "journal/lyh2026/overrides/000001.json": 0o600,
    }


def test_overrides_of_one_person_each_from_an_older_version_are_found_and_are_no_entries(journal: Journal) -> None:
    (journal.folder / "words").mkdir(parents=True)
    (journal.folder / "words" / "20260204T090000_1a2b3c4d5e6f.json").write_text("{}")
    assert journal.words_of_one() == {"20260204T090000_1a2b3c4d5e6f.json": journal.folder / "words"}
    assert journal.entries() == []


# --- receipts --------------------------------------------------------------------------------------------------------


def test_a_thing_is_ingested_on_the_date_of_its_receipt() -> None:
    told = {("word", "w"): date(2026, 2, 5)}
    last = date(2026, 2, 7)

    def allowed(day: int, attempt_no: int, name: str) -> bool:
        return Receipts(date(2026, 2, day), attempt_no, told, {}, last).allow(("word", name))

    assert [allowed(day, 1, "w") for day in (4, 5, 6)] == [False, True, True]
    # what no run had seen waits while the dates that left receipts are rebuilt ...
    assert [allowed(day, 1, "new") for day in (5, 7, 8)] == [False, False, True]
    assert allowed(7, 2, "new")  # ... but a date run again after its release looks for what has come since
    assert Receipts().allow(("word", "new"))


def test_broken_receipts_are_told_with_what_to_do(journal: Journal) -> None:
    receipts = journal.folder / "receipts"
    receipts.mkdir(parents=True)
    (receipts / "20260205.json").write_text('[["LOADED", "word"')
    with pytest.raises(JournalError, match=r"20260205.json: .*restore it"):
        journal.receipts(date(2026, 2, 6), 1)


@pytest.mark.parametrize("exchange", ["exchange", "connection:carrier_sftp"])
def test_the_journal_is_never_where_the_carrier_writes(tmp_path: Path, exchange: str) -> None:
    settings = Settings(HOME, exchange, (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", "")
    assert settings.journal == tmp_path / "work" / "journal"
