"""A campaign file changed after the launch (rules, 14.3): frozen, pending, or accepted by two people; kept for good.

The campaign begins on 26 January 2026; the run that closes the 25th launches it.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.integration.test_ingest import EVE, NEXT, D, Intake

from laoyouhui.config.errors import ConfigError
from laoyouhui.pipeline.journal import Journal, JournalError
from laoyouhui.pipeline.limits import above_limits
from laoyouhui.pipeline.overrides import OverrideError, confirm, pending, read_command, request_override
from laoyouhui.warehouse.connection import connect

CAMPAIGN = "lyh2026"
NOW = datetime(2026, 1, 27, 9, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture
def intake(tmp_path: Path, database_dsn: str) -> Intake:
    return Intake(tmp_path, database_dsn)


def change(intake: Intake, old: str, new: str) -> str:
    """Change the file; give its new sha256."""
    (path,) = intake.settings.campaign_files
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return sha256(intake)


def sha256(intake: Intake) -> str:
    return hashlib.sha256(intake.settings.campaign_files[0].read_bytes()).hexdigest()


def run(intake: Intake, day: date) -> None:
    intake.take(day)
    intake.release(day)
    with connect(intake.settings.warehouse_dsn) as conn:
        journal(intake).note_receipts(conn, day)


def journal(intake: Intake) -> Journal:
    from laoyouhui.config.campaign import load_campaign

    return Journal(intake.settings, load_campaign(intake.settings.campaign_files[0]))


def ask(intake: Intake, sha: str, by: str = "张三", at: datetime = NOW) -> str:
    return request_override(
        intake.settings, read_command(["change-campaign", CAMPAIGN, sha, "--by", by, "--why", "加预算"], at)
    )


def goes_by(intake: Intake) -> object:
    (row,) = intake.run("select ends_on::text, file_sha256 from raw.campaign")
    return row


def test_a_change_after_the_launch_waits_for_two_people(intake: Intake) -> None:
    first = sha256(intake)
    run(intake, EVE)
    second = change(intake, "ends_on: 2026-04-30", "ends_on: 2026-05-31")
    run(intake, D)
    assert goes_by(intake) == ("2026-04-30", first)
    assert intake.run("select campaign_id, file_sha256, since from raw.campaign_change") == [(CAMPAIGN, second, D)]
    name = ask(intake, second)
    with pytest.raises(OverrideError, match=r"SAME_PERSON|MAY_NOT_CONFIRM"):
        confirm(intake.settings, name, "张三", NOW)
    intake.take(NEXT)
    assert goes_by(intake) == ("2026-04-30", first)
    assert [each.name for each in pending(intake.settings, NOW)] == [name]
    confirm(intake.settings, name, "李四", NOW)
    run(intake, NEXT)
    assert goes_by(intake) == ("2026-05-31", second)
    assert intake.run("select count(*) from raw.campaign_change") == [(0,)]
    assert intake.run(
        "select file_sha256, accepted_on, requested_by, confirmed_by, justification from raw.campaign_file order by "
        "entry_no"
    ) == [(first, EVE, None, None, None), (second, NEXT, "张三", "李四", "加预算")]


def test_the_same_content_under_another_path_is_no_change(intake: Intake, tmp_path: Path) -> None:
    first = sha256(intake)
    run(intake, EVE)
    elsewhere = tmp_path / "elsewhere" / "x.yml"
    elsewhere.parent.mkdir()
    shutil.copy(intake.settings.campaign_files[0], elsewhere)
    intake.settings = replace(intake.settings, campaign_files=(elsewhere,))
    run(intake, D)
    assert goes_by(intake) == ("2026-04-30", first)
    assert intake.run("select file_sha256, accepted_on from raw.campaign_file") == [(first, EVE)]
    assert intake.run("select count(*) from raw.campaign_change") == [(0,)]


def test_what_runs_go_by_is_what_was_confirmed_whatever_the_file_holds_since(intake: Intake) -> None:
    run(intake, EVE)
    second = change(intake, "ends_on: 2026-04-30", "ends_on: 2026-05-31")
    confirm(intake.settings, ask(intake, second), "李四", NOW)
    third = change(intake, "ends_on: 2026-05-31", "ends_on: 2026-06-30")
    intake.take(D)
    assert goes_by(intake) == ("2026-05-31", second)
    assert intake.run("select file_sha256 from raw.campaign_change") == [(third,)]
    with pytest.raises(OverrideError, match="OTHER_CONTENT"):
        ask(intake, "0" * 64)


def test_whoever_the_changed_file_declares_cannot_confirm_it(intake: Intake) -> None:
    run(intake, EVE)
    second = change(intake, "people:  ", "people:\n  - {name: 赵六, role: 外人, may: [ask, confirm]}\n#")
    with pytest.raises(OverrideError, match="NOT_DECLARED"):
        ask(intake, second, by="赵六")
    with pytest.raises(OverrideError, match="NOT_DECLARED"):
        confirm(intake.settings, ask(intake, second), "赵六", NOW)


def test_a_release_is_looked_at_by_the_people_of_the_file_that_was_accepted(intake: Intake) -> None:
    """Whom a pending file takes away can still let a release go on; whom it adds cannot."""
    change(intake, "max_row_fen: null", "max_row_fen: 400")
    run(intake, EVE)
    intake.take(D)
    settings = intake.settings
    with connect(settings.warehouse_dsn) as conn:
        conn.execute(
            "create schema ledger; create view ledger.dispatches as select; grant usage on schema ledger to public"
        )
        conn.execute(
            "insert into outbox.item (file_stem, line_no, campaign_id, interface, item_key, answer_key, amount_fen, "
            "business_date, line) values ('c', 1, 'lyh2026', 'credit', 'k', 'k', 500, %s, '')",
            (D,),
        )
        conn.execute(
            "insert into outbox.file (file_stem, campaign_id, interface, business_date, seq, rows) "
            "values ('c', 'lyh2026', 'credit', %s, 1, 1)",
            (D,),
        )
        conn.commit()
        assert list(above_limits(conn, settings, D)) != []
        asked = read_command(["release-above-limit", str(D), "500", "--by", "张三", "--why", "已核对"], NOW)
        confirm(settings, request_override(settings, asked), "李四", NOW)
        assert list(above_limits(conn, settings, D)) == []
        change(intake, "{name: 李四", "{name: 赵六")
        assert list(above_limits(conn, settings, D)) == []


def test_changes_before_the_launch_need_nobody_and_are_kept(intake: Intake) -> None:
    first = sha256(intake)
    run(intake, date(2026, 1, 20))
    second = change(intake, "ends_on: 2026-04-30", "ends_on: 2026-05-31")
    with pytest.raises(OverrideError, match="NOT_NEEDED"):
        ask(intake, second)
    run(intake, date(2026, 1, 21))
    assert goes_by(intake) == ("2026-05-31", second)
    assert intake.run("select file_sha256, accepted_on::text from raw.campaign_file order by entry_no") == [
        (first, "2026-01-20"),
        (second, "2026-01-21"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{line: B1, month: 2026-01, plan_fen: ", "{line: B1, month: 2026-01, plan_fen: 9", "budget of B1, 2026-01"),
        ("ends_on: 2026-04-30", "ends_on: 2026-01-31", "ends_on: value '2026-01-31'"),
        ("starts_on: 2026-01-26", "starts_on: 2026-01-27", "starts_on"),
        ("salt: lyh2026", "salt: other", "control_group.salt"),
        ("tenure_years: 5", "tenure_years: 4", "changed in eligibility"),
    ],
)
def test_what_released_dates_were_decided_by_is_frozen(intake: Intake, old: str, new: str, told: str) -> None:
    run(intake, EVE)
    run(intake, date(2026, 1, 31))
    second = change(intake, old, new)
    with pytest.raises(OverrideError, match=f"FROZEN: .*{told}"):
        ask(intake, second)
    with pytest.raises(ConfigError, match=told):
        intake.take(date(2026, 2, 1))


def test_a_change_that_waited_until_it_was_frozen_stops_nothing(intake: Intake) -> None:
    run(intake, EVE)
    change(intake, "budget:  ", "  - effective_from: 2026-01-27\n    eligibility: {tenure_years: 4}\nbudget:  ")
    for day in (D, NEXT, NEXT + timedelta(days=1)):
        run(intake, day)
    assert intake.run("select count(*) from raw.campaign_terms") == [(1,)]
    assert intake.run("select since from raw.campaign_change") == [(D,)]


def test_a_rebuild_goes_by_each_content_from_the_same_day_on(intake: Intake, database_dsn: str) -> None:
    run(intake, EVE)
    second = change(intake, "ends_on: 2026-04-30", "ends_on: 2026-05-31")
    run(intake, D)
    confirm(intake.settings, ask(intake, second), "李四", NOW)
    run(intake, NEXT)
    accepted = intake.run("select * from raw.campaign_file order by entry_no")
    with connect(database_dsn, autocommit=True) as conn:
        conn.execute("drop schema raw cascade")
    seen = []
    for day in (EVE, D, NEXT):
        run(intake, day)
        seen.append(goes_by(intake)[0])  # type: ignore[index]
    assert seen == ["2026-04-30", "2026-04-30", "2026-05-31"]
    assert intake.run("select * from raw.campaign_file order by entry_no") == accepted


def test_a_journal_that_lost_what_was_accepted_stops_the_run(intake: Intake) -> None:
    run(intake, EVE)
    shutil.rmtree(intake.settings.journal)
    with pytest.raises(JournalError, match="entry 1, which this warehouse has seen, is missing"):
        intake.take(D)


def test_a_kept_content_that_was_edited_stops_the_run(intake: Intake) -> None:
    run(intake, EVE)
    change(intake, "ends_on: 2026-04-30", "ends_on: 2026-05-31")
    (kept,) = (journal(intake).folder / "campaign_files").iterdir()
    kept.write_bytes(intake.settings.campaign_files[0].read_bytes())
    with pytest.raises(JournalError, match="was edited"):
        intake.take(D)
