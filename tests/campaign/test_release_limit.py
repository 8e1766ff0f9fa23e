"""Rules 14.3: more money than a limit of the campaign file leaves when another declared person has confirmed it.

The channel gave no discount, so the run that grants it pays 12.00 yuan back at once; a row may pay 10.00.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest
from tests.campaign.harness import Day, Play, Story, close, people, recharges, rows_of, subscribers, terms

from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.journal import JournalError
from laoyouhui.pipeline.overrides import OverrideError, confirm, read_command, request_override
from laoyouhui.pipeline.release import ReleaseRefused, release

W = people("S-A 01\nS-B 02")
EVE, FIRST, SECOND = "20260125", "20260126", "20260127"
STORY = Story(
    "above the limit",
    terms("2026-01-26", "2026-04-30", {
        "release": {"max_row_fen": 1000, "max_file_fen": None, "max_day_fen": None},
        "data_gift": None,
        "messages": {"templates": []},
    }),
    [
        Day(EVE, proves="set-up: both subscribers are in the snapshot", arrives=[subscribers(W)]),
        Day(
            FIRST,
            proves="set-up: a make-good above the release limit is due",
            arrives=[subscribers(W), recharges("R-1 S-A 20260126100000 20000 20000 APP")],
        ),
        Day(
            SECOND,
            proves="set-up: another one is due a day later",
            arrives=[subscribers(W), recharges("R-2 S-B 20260127100000 20000 20000 APP")],
        ),
    ],
    aside=frozenset({"eligibility"}),
)  # fmt: skip
ASKS = "release-above-limit 2026-01-26 1200"
PAID = "select count(*) from outbox.item where interface = 'credit'"


@dataclass
class Told:
    """What became of each attempt, in order."""

    refusals: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)  # rows in `out/credit` after each
    words: dict[str, str] = field(default_factory=dict)
    name: str = ""


def at(hour: int) -> datetime:
    return datetime.strptime(f"20260127{hour:02}+0800", "%Y%m%d%H%z")


def ask(play: Play, command: str, by: str, hour: int) -> str:
    return request_override(
        play.settings, read_command([*command.split(), "--by", by, "--why", "已核对当日充值"], at(hour))
    )


def rows_left(play: Play, day: str) -> list[list[str]]:
    return [row for _, rows in play.carrier.sent("credit", day) for row in rows]


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.fixture(scope="module")
def told(play: Play) -> Told:
    """The day as it goes: refused, asked for by one, refused again, confirmed by whoever may not, then by another."""
    told = Told()

    def tries() -> None:
        with pytest.raises(ReleaseRefused) as refused:
            close(play.settings, FIRST)
        told.refusals.append(str(refused.value))
        told.left.append(len(rows_left(play, FIRST)))

    play.reach(STORY.days[0])
    for file in STORY.days[1].arrives:
        play.carrier.deliver(file, FIRST)
    tries()
    with pytest.raises(OverrideError) as error:
        ask(play, ASKS, "财务总监", 9)
    told.words["asked by nobody declared"] = str(error.value).partition(":")[0]
    told.name = ask(play, ASKS, "李四", 9)
    tries()
    for who in ("李四", "李 四", "李四　", "赵六", "张三"):
        with pytest.raises(OverrideError) as error:
            confirm(play.settings, told.name, who, at(10))
        told.words[who] = str(error.value).partition(":")[0]
    tries()
    confirm(play.settings, told.name, "王五", at(11))
    return told


def test_it_is_refused_with_what_to_ask_for(told: Told) -> None:
    assert len(set(told.refusals)) == 1
    assert "lyh2026: 1200 fen in the file credit, max_row_fen is 1000; the day pays 1200 fen" in told.refusals[0]
    assert ASKS in told.refusals[0]
    assert "one person asks for the override named above and another confirms it" in told.refusals[0].lower()


def test_nothing_leaves_while_one_person_wants_it(told: Told) -> None:
    assert told.left == [0, 0, 0]
    assert told.words == {
        "asked by nobody declared": "NOT_DECLARED",
        "李四": "SAME_PERSON",
        "李 四": "SAME_PERSON",
        "李四　": "SAME_PERSON",
        "赵六": "NOT_DECLARED",
        "张三": "MAY_NOT_CONFIRM",
    }


def test_it_leaves_once_another_has_confirmed_and_the_journal_says_who(play: Play, told: Told) -> None:
    """Under the scheduler the release alone is cleared: no step has taken the override in."""
    assert release(play.settings, date(2026, 1, 26)).released
    deliver(play.settings, date(2026, 1, 26))
    (row,) = rows_left(play, FIRST)
    assert row[1:] == rows_of("S-A|13000000001|1200|MAKE_GOOD|||R-1")[0]
    entries = [json.loads(path.read_text("utf-8")) for path in sorted(overrides(play).glob("*.json"))]
    kept = [entry for entry in entries if entry["entry"] != "FILE"]
    assert [(entry["entry"], entry.get("said_by") or entry["by"]) for entry in kept] == [
        ("ASK", "李四"),
        ("CONFIRM", "王五"),
    ]
    assert kept[0]["fields"] == {"business_date": "2026-01-26", "amount_fen": 1200}
    assert kept[1]["override"] == told.name


@pytest.mark.parametrize("cut", ["the confirmation", "both", "an older copy"])
def test_who_released_it_cannot_be_taken_out_of_the_journal(play: Play, told: Told, cut: str) -> None:
    """A chain whose last entries are gone is whole by itself: the warehouse knows how far it went (14.3)."""
    assert told.name
    folder = overrides(play)
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    last = sorted(folder.glob("*.json"))
    try:
        for path in last[-1:] if cut == "the confirmation" else last[-2:]:
            path.unlink()
        if cut == "an older copy":
            says = {"no": len(last) - 1, "previous": hashlib.sha256(last[-3].read_bytes()).hexdigest()}
            old = json.loads((kept / last[-2].name).read_text("utf-8"))
            last[-2].write_text(json.dumps(old | says | {"why": "例行"}, ensure_ascii=False, indent=2) + "\n", "utf-8")
        for step in (lambda: close(play.settings, SECOND), lambda: ask(play, "close-date 2026-03-01", "李四", 12)):
            with pytest.raises(JournalError, match=r"which this warehouse has seen.*restore the journal from a copy"):
                step()
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)


def test_the_override_is_for_that_date_alone(play: Play, told: Told) -> None:
    assert told.name
    for file in STORY.days[2].arrives:
        play.carrier.deliver(file, SECOND)
    with pytest.raises(ReleaseRefused, match="release-above-limit 2026-01-27 1200"):
        close(play.settings, SECOND)
    assert play.query("select kind, requested_by, confirmed_by, state from raw.manual_override") == [
        ("RELEASE_ABOVE_LIMIT", "李四", "王五", "LOADED")
    ]
    assert play.query(PAID) == [(1,)]


@pytest.mark.parametrize("why", ["用户 13000000001 来电", "+8613000000001", "86-13000000001"])
def test_a_reason_with_a_phone_number_is_refused(play: Play, told: Told, why: str) -> None:
    """It would stand in lists, alerts and the report (14.2)."""
    assert told.name
    command = read_command(["release-above-limit", "2026-01-27", "1200", "--by", "李四", "--why", why], at(12))
    with pytest.raises(OverrideError, match="WHY: the reason holds a phone number"):
        request_override(play.settings, command)


def overrides(play: Play) -> Path:
    return play.settings.journal / "lyh2026" / "overrides"
