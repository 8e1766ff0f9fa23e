"""Two people, by name (rules, 14.3): what one asks for counts from the first run after another has confirmed it.

The gifts of 26 January are not answered. 张三 (may ask) gives up the one of S-A on the 26th, 李四 (may both) confirms
on the 27th, after the run that closes the 26th: so it counts in the run that closes the 27th. A8 and A14 of the faults.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import SILENT, Day, Play, Story, again, close, people, subscribers, terms

from laoyouhui.pipeline.journal import JournalError
from laoyouhui.pipeline.overrides import OverrideError, confirm, main, pending, read_command, request_override

W = people("S-A 01\nS-B 02")
GIFTS = """
    a|S-A|13000000001|LYHMLD5G|5120|20260126|20260131
    b|S-B|13000000002|LYHMLD5G|5120|20260126|20260131
"""
DATES = ["20260125", "20260126", "20260127", "20260128"]
STORY = Story(
    "two people",
    terms("2026-01-26", "2026-02-28", {"data_gift": {"months": 1}}),
    [
        Day(
            DATES[0],
            proves="set-up: the gifts leave, and are not answered",
            arrives=[subscribers(W)],
            out={"data_grant": GIFTS},
            answers={"data_grant": SILENT},
        ),
        *(Day(day, proves="set-up: a further date is closed", arrives=[subscribers(W)]) for day in DATES[1:]),
    ],
    aside=frozenset({"eligibility", "sms", "push"}),
)
FILE = "data_grant_lyh2026_20260125_0001"
OPEN = "select count(*) from ledger.dispatches where is_open and interface = 'data_grant'"
LISTED = "select detail from marts.exceptions where exception_type = 'OVERRIDE_PENDING'"


def at(day: str, hour: int = 9) -> datetime:
    return datetime.strptime(f"{day}{hour:02}+0800", "%Y%m%d%H%z")


def ask(play: Play, by: str, when: datetime, *, command: str = f"give-up {FILE} --row") -> str:
    keys = {name: key for key, name in play.names.items()}
    words = [*command.split(), *([keys["a"]] if command.endswith("--row") else [])]
    return request_override(play.settings, read_command([*words, "--by", by, "--why", "用户放弃"], when))


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    """The story to its end, with what is said between the days; `seen` is what stood after each."""
    play = new_play(STORY)
    play.check(STORY.days[0])
    return play


@pytest.fixture(scope="module")
def said(play: Play) -> dict[str, object]:
    found: dict[str, object] = {}
    refused = {}
    for name, by in {"nobody": "财务总监", "blank": " ", "lookalike": "张\u200b三", "bidi": "\u202e张三"}.items():
        try:
            ask(play, by, at("20260126"))
        except (OverrideError, ValueError) as error:
            refused[name] = str(error)
    found["refused"] = refused
    name = ask(play, "　张三 ", at("20260126"))  # blanks of any width around it are no other person
    found["name"] = name
    second = {}
    for who in ("张三", "张三 ", "财务总监"):
        with pytest.raises(OverrideError) as error:
            confirm(play.settings, name, who, at("20260126", 10))
        second[who] = str(error.value).partition(":")[0]
    found["second"] = second
    with pytest.raises(OverrideError, match=r"ALREADY_SAID.*waits for a second person"):
        ask(play, "李四", at("20260126", 11))
    close_next(play, 1)
    found["open while pending"] = play.query(OPEN)
    found["listed"] = play.query(LISTED)
    with pytest.raises(OverrideError, match=r"TIMED_OUT.*7 days: ask again"):
        confirm(play.settings, name, "李四", at("20260126") + timedelta(days=7, seconds=1))
    confirm(play.settings, name, "李四", at("20260127"))
    close_next(play, 2)
    found["open when confirmed"] = play.query(OPEN)
    found["listed then"] = play.query(LISTED)
    return found


def close_next(play: Play, number: int) -> None:
    play.reach(STORY.days[number])


def test_a_name_that_is_not_declared_is_refused(said: dict[str, object]) -> None:
    refused = said["refused"]
    assert isinstance(refused, dict)
    assert refused.keys() == {"nobody", "blank", "lookalike", "bidi"}
    assert "NOT_DECLARED: 财务总监 is not declared: add name, role" in refused["nobody"]
    assert "\u202e" not in refused["bidi"]


def test_who_asks_cannot_confirm_nor_can_whoever_may_not(said: dict[str, object]) -> None:
    assert said["second"] == {"张三": "MAY_NOT_CONFIRM", "张三 ": "MAY_NOT_CONFIRM", "财务总监": "NOT_DECLARED"}


def test_nothing_counts_while_it_waits_and_it_is_listed(said: dict[str, object]) -> None:
    assert said["open while pending"] == [(2,)]
    ((detail,),) = said["listed"]  # type: ignore[misc]
    assert detail.startswith(f"give-up {FILE} --row ")
    assert detail.endswith(", asked for by 张三: 用户放弃")


def test_it_counts_from_the_first_run_after_its_confirmation(play: Play, said: dict[str, object]) -> None:
    assert (said["open when confirmed"], said["listed then"]) == ([(1,)], [])
    assert play.query(
        "select file_name, state, requested_by, confirmed_by, received_on::text from raw.manual_override"
    ) == [(said["name"], "LOADED", "张三", "李四", "2026-01-27")]


def test_one_who_may_both_cannot_do_both(play: Play, said: dict[str, object]) -> None:
    assert said
    name = ask(play, "李四", at("20260128"), command=f"give-up {FILE}")
    with pytest.raises(OverrideError, match="SAME_PERSON"):
        confirm(play.settings, name, "李四 ", at("20260128"))
    assert [each.name for each in pending(play.settings, at("20260128"))] == [name]
    assert not pending(play.settings, at("20260128") + timedelta(days=8))
    # what timed out may be asked for anew
    assert ask(play, "王五", at("20260128") + timedelta(days=8), command=f"give-up {FILE}") != name


def test_asking_again_needs_one_declared_person(play: Play, said: dict[str, object]) -> None:
    assert said
    with pytest.raises(OverrideError, match="NOT_DECLARED"):
        ask(play, "赵六", at("20260128"), command=f"ask-again {FILE}")
    name = ask(play, "张三", at("20260128"), command=f"ask-again {FILE}")
    with pytest.raises(OverrideError, match="NOT_NEEDED"):
        confirm(play.settings, name, "李四", at("20260128"))


def test_the_list_of_what_waits_shows_its_age(
    play: Play, said: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said
    long_ago = datetime.now(UTC) - timedelta(days=2, minutes=1)
    name = ask(play, "王五", long_ago, command="change-campaign lyh2026 " + changed(play))
    monkeypatch.setattr("laoyouhui.pipeline.overrides.Settings.from_env", lambda: play.settings)
    assert main(["pending", "--by", "", "--why", ""]) == 0
    assert f"{name}  change-campaign lyh2026 " in (told := capsys.readouterr().out)
    assert "asked for by 王五 2 days ago" in told


def changed(play: Play) -> str:
    """Change the campaign file by a remark; give its sha256."""
    (path,) = play.settings.campaign_files
    path.write_bytes(path.read_bytes() + b"# changed\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rewrite_row(play: Play, requested_by: str) -> None:
    """What an owner of the table can do: the triggers that refuse it are taken off."""
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute("alter table raw.manual_override disable trigger user")
        conn.execute("update raw.manual_override set requested_by = %s", (requested_by,))
        conn.execute("alter table raw.manual_override enable trigger user")


@pytest.mark.parametrize("where", ["journal", "warehouse", "both gone"])
def test_an_edit_after_it_was_read_stops_the_run(play: Play, said: dict[str, object], where: str) -> None:
    """A8: noticed, whichever of the two was edited; and a rebuild cannot decide otherwise."""
    assert said
    folder = play.settings.journal / "lyh2026"
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    undo = ""
    try:
        if where == "journal":
            rewrite(folder, "用户放弃", "用户同意")  # the whole chain made anew, so that its hashes fit
        elif where == "warehouse":
            _rewrite_row(play, "王五")
            undo = "张三"
        else:
            shutil.rmtree(folder / "overrides")
        with pytest.raises(JournalError, match=r"restore the journal from a copy"):
            close(play.settings, DATES[3])
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
        if undo:
            _rewrite_row(play, undo)


def test_a_rebuild_from_a_rewritten_chain_is_refused(
    play: Play, said: dict[str, object], new_warehouse: Callable[[], str], tmp_path: Path
) -> None:
    assert said
    rewritten = tmp_path / "rewritten"
    shutil.copytree(play.settings.journal, rewritten)
    rewrite(rewritten / "lyh2026", "李四", "王五")
    story = Story(STORY.name, STORY.campaign, STORY.days[:1])
    (tmp_path / "anew").mkdir()
    anew = Play(story, tmp_path / "anew", new_warehouse())
    shutil.copytree(play.carrier.exchange / "in", anew.carrier.exchange / "in", dirs_exist_ok=True)
    shutil.copytree(rewritten, anew.settings.journal)
    with pytest.raises(JournalError, match="which the journal does not hold as it was read"):
        close(anew.settings, DATES[0])


def rewrite(folder: Path, old: str, new: str) -> None:
    """Make a chain anew in which something else is said, every hash right."""
    before = "0" * 64
    for path in sorted((folder / "overrides").glob("*.json")):
        names = {**json.loads(path.read_text("utf-8").replace(old, new)), "previous": before}
        if names.get("override"):
            asked = sorted((folder / "overrides").glob("*.json"))[int(names["override"][:6]) - 1]
            names["override"] = f"{names['override'][:6]}-{hashlib.sha256(asked.read_bytes()).hexdigest()[:12]}"
        path.write_text(json.dumps(names, ensure_ascii=False, indent=2) + "\n", "utf-8")
        before = hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_rebuild_counts_it_from_the_same_day(
    play: Play, said: dict[str, object], new_warehouse: Callable[[], str], tmp_path: Path
) -> None:
    assert said
    until = Story(STORY.name, STORY.campaign, STORY.days[:3], aside=STORY.aside)
    rebuilt = again(until, new_warehouse(), play, tmp_path)
    read = "select file_name, confirmed_by, received_on from raw.manual_override"
    assert rebuilt.query(read) == play.query(read)
    assert rebuilt.ledger() == play.ledger()
