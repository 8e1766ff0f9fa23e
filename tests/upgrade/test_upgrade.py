"""A warehouse of e527328, the last release before this one, goes on under this one."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.upgrade.picture import picture
from tests.upgrade.world import CLOSED, NEXT, World, files

from laoyouhui.config.errors import ConfigError
from laoyouhui.pipeline import upgrade
from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.journal import JournalError
from laoyouhui.pipeline.release import release
from laoyouhui.warehouse.upgrade import REVISIONS

HEAD = "20261128_words_of_the_field"
# what an attempt leaves behind that the old release had decided, and was stopped before it released; and a function of
# it that this one does not make any more
DIED = """
    insert into raw.run (business_date, started_at) values ('2026-01-31', now());
    update raw.current_run set business_date = '2026-01-31', pass_no = 1, is_retry = false, state = 'DECIDED';
    insert into ledger.expenses
    select 'LEFT-BEHIND', booked_on, budget_line, amount_fen, memo, source_file, source_line, '2026-01-31', 1
    from ledger.expenses limit 1;
    create function raw.gone(text) returns text language sql as 'select $1'
"""


@pytest.fixture(scope="module")
def upgraded(old_database: Callable[[], str], new_world: Callable[[str], World]) -> World:
    """It has closed its next dates, the first of which the old release had begun."""
    world = new_world(old_database())
    world.execute(DIED)
    for day in CLOSED:
        world.answered(day)
    for day in NEXT:
        world.close(day)
    return world


@pytest.fixture(scope="module")
def anew(new_warehouse: Callable[[], str], new_world: Callable[[str], World]) -> World:
    """The same dates, closed by this release from the first one on."""
    world = new_world(new_warehouse())
    for day in [*CLOSED, *NEXT]:
        world.close(day)
    return world


def test_the_story_is_told_alike_from_the_beginning(anew: World) -> None:
    """What the old release left is what this one leaves: the rules of the story did not change."""
    for day in [*CLOSED, *NEXT]:
        assert files(anew.told, day)
        assert anew.differences(day) == [], str(day)


def test_its_next_dates_leave_the_same_bytes(upgraded: World) -> None:
    """Gifts, credits, codes, links, orders, trials, messages and lists, of a month's first day and of instalments."""
    for day in NEXT:
        assert upgraded.differences(day) == [], str(day)


def test_it_is_made_as_one_that_was_new(upgraded: World, anew: World) -> None:
    """Relation by relation, column by column: owners, rights, keys, indexes, triggers, functions and views."""
    there, new = picture(upgraded.dsn), picture(anew.dsn)
    assert len(new) > 3000
    assert sorted(there - new) == []
    assert sorted(new - there) == []


def test_what_it_keeps_goes_on(upgraded: World, anew: World) -> None:
    """Every table that dbt keeps has gained the same rows, but for what stands for a secret: it is made otherwise."""
    tables = [
        name
        for (name,) in upgraded.query(
            "select tgrelid::regclass::text from pg_trigger join pg_class on pg_class.oid = tgrelid "
            "where tgname = 'kept_update' and relnamespace::regnamespace::text in ('intermediate', 'ledger') order by 1"
        )
    ]
    assert len(tables) > 35
    wrong = []
    for table in tables:
        rows = (
            "select to_jsonb(rows) - array['code_reference', 'secret_reference', 'item_key'] "
            f"from {table} as rows where business_date > '2026-01-30'"
        )
        there, new = (Counter(str(row) for row in world.query(rows)) for world in (upgraded, anew))
        wrong += [f"{table}: + {row}" for row in (there - new).elements()]
        wrong += [f"{table}: - {row}" for row in (new - there).elements()]
    assert wrong == []


def test_its_ledger_goes_on(upgraded: World, anew: World) -> None:
    """Every entry of the next dates is booked alike."""
    entries = "select to_jsonb(entries) from ledger.ledger_entries as entries where booked_on > '2026-01-30'"
    there, new = (Counter(str(row) for row in world.query(entries)) for world in (upgraded, anew))
    assert new.total() > 200
    assert sorted((there - new).elements()) == []
    assert sorted((new - there).elements()) == []


def test_what_a_pass_left_behind_is_gone(upgraded: World) -> None:
    """The old release had decided the first of the next dates and not released it: it was decided again."""
    assert upgraded.query("select voucher_id from ledger.expenses where voucher_id = 'LEFT-BEHIND'") == []


def test_what_people_said_before_stands(upgraded: World) -> None:
    """One person was enough for the old release, and no one is for this."""
    said = "select kind, requested_by, entry_sha256, state from raw.manual_override"
    assert upgraded.query(said) == [("GIVE_UP", "张三", None, "LOADED")]
    with pytest.raises(psycopg.errors.CheckViolation):
        upgraded.execute(
            "insert into raw.manual_override (file_name, kind, state, received_on) "
            "values ('1.json', 'WAIVE', 'LOADED', '2026-02-04')"
        )


def test_what_the_old_release_decided_and_did_not_release_is_decided_again(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    world = new_world(old_database())
    world.execute(DIED)
    with pytest.raises(RuntimeError, match="run decide first"):
        release(world.settings, NEXT[0])


def test_what_the_old_release_released_and_did_not_deliver_leaves_with_the_same_bytes(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    """Also a code of a card: it stood in the text of its line, and stands in columns of its own now."""
    world = new_world(old_database())
    world.execute(
        f"""
        update outbox.file set bytes = null, sha256 = null, control_total = null, written_at = null, delivered_at = null
        where run_on = '{CLOSED[-1]}';
        update raw.run set delivered_at = null where business_date = '{CLOSED[-1]}'
        """
    )
    waiting = f"select count(*) from outbox.item where run_on = '{CLOSED[-1]}' and line like '%%{{secret:%%'"
    assert world.query(waiting) != [(0,)]
    deliver(world.settings, CLOSED[-1])
    assert len(files(world.told, CLOSED[-1])) > 4
    assert world.differences(CLOSED[-1]) == []


def test_an_upgrade_that_dies_has_changed_nothing(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    """Here the second revision finds a name taken; mended, the next step upgrades."""
    world = new_world(old_database())
    world.execute("create table intermediate.int_optout__holders (event_id text)")
    before = picture(world.dsn)
    with pytest.raises(psycopg.errors.DuplicateTable):
        ingest(world.settings, NEXT[0])
    assert picture(world.dsn) == before
    world.execute("drop table intermediate.int_optout__holders")
    ingest(world.settings, NEXT[0])
    assert world.query("select version_num from raw.alembic_version") == [(HEAD,)]


def test_what_people_built_is_not_lost(old_database: Callable[[], str], new_world: Callable[[str], World]) -> None:
    """A view of theirs upon a column that goes: the upgrade is refused, and the view stands."""
    world = new_world(old_database())
    world.execute(
        "create schema theirs; create view theirs.ages as select birth_year from intermediate.int_subscriber__history"
    )
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="birth_year"):
        ingest(world.settings, NEXT[0])
    assert world.query("select count(*) > 100 from theirs.ages") == [(True,)]


def test_a_word_that_no_run_has_read_stops_the_next_one(
    old_database: Callable[[], str], new_world: Callable[[str], World], story: Path
) -> None:
    """It is one person's, and counts no more; what was read stands, and stops nothing."""
    world = new_world(old_database())
    words = world.folder / "exchange" / "journal" / "lyh2026" / "words"
    shutil.copytree(story / "journal" / "lyh2026" / "words", words)
    (words / "20260131T020000_000000000000.json").write_text("{}")
    with pytest.raises(JournalError, match=r"20260131T020000_000000000000\.json: no run has read"):
        ingest(world.settings, NEXT[0])
    (words / "20260131T020000_000000000000.json").unlink()
    ingest(world.settings, NEXT[0])


def test_people_are_declared_before_its_next_date(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    """The campaign is launched, and its file gains who may override: nothing that its dates were decided by changes."""
    world = new_world(old_database())
    (campaign,) = world.settings.campaign_files
    declared = "people: [{name: 张三, role: 营销, may: [ask]}, {name: 李四, role: 财务, may: [confirm]}]\n"
    campaign.write_text(campaign.read_text("utf-8") + declared, "utf-8")
    ingest(world.settings, NEXT[0])
    sha256 = hashlib.sha256(campaign.read_bytes()).hexdigest()
    assert world.query("select file_sha256, override from raw.campaign_file") == [(sha256, None)]


def test_terms_that_held_are_not_changed_with_an_upgrade(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    world = new_world(old_database())
    (campaign,) = world.settings.campaign_files
    assert campaign.read_text("utf-8").count("megabytes: 5120") == 1
    campaign.write_text(campaign.read_text("utf-8").replace("megabytes: 5120", "megabytes: 10240"), "utf-8")
    with pytest.raises(ConfigError, match="changed in data_gift: expected no change"):
        ingest(world.settings, NEXT[0])


def test_older_code_over_a_newer_warehouse_is_refused(
    old_database: Callable[[], str], new_world: Callable[[str], World]
) -> None:
    """And told what to do; nothing is changed."""
    world = new_world(old_database())
    ingest(world.settings, NEXT[0])
    world.execute(
        "update raw.alembic_version set version_num = '20990101_later'; update raw.prepared set digest = 'another'"
    )
    for step in (ingest, deliver):
        with pytest.raises(
            ConfigError, match=r"20990101_later by a newer release.*run that release.*restore the backup"
        ):
            step(world.settings, NEXT[0])
    # releases before Alembic look here, and know 3
    assert world.query("select version from raw.prepared") == [(4,)]


def test_people_see_what_would_be_done_and_do_it(
    old_database: Callable[[], str],
    new_world: Callable[[str], World],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = new_world(old_database())
    for name, value in {
        "LAOYOUHUI_EXCHANGE": world.settings.exchange,
        "LAOYOUHUI_CAMPAIGN": str(world.settings.campaign_files[0]),
        "LAOYOUHUI_WORK": str(world.settings.work),
        "WAREHOUSE_DSN": world.dsn,
    }.items():
        monkeypatch.setenv(name, value)

    def asked(*arguments: str) -> str:
        assert upgrade.main(arguments) == 0
        return capsys.readouterr().out

    before = picture(world.dsn)
    assert HEAD in asked("--show")
    assert "back it up" in asked("--show")
    assert "alter table raw.word" in asked("--sql")
    assert picture(world.dsn) == before
    assert HEAD in asked()
    assert world.query("select version_num from raw.alembic_version") == [(HEAD,)]
    assert "nothing to upgrade" in asked()


def test_a_warehouse_of_the_weeks_between_is_upgraded_too(anew: World) -> None:
    """It has what the revisions bring, and keeps no version of Alembic's: they find everything done."""
    before = picture(anew.dsn)
    _with_the_words_of_before(anew)
    anew.execute(
        """
        drop table raw.alembic_version;
        alter table raw.word drop constraint word_has_entry;
        update raw.prepared set version = 3, digest = 'of 28 November'
        """
    )
    deliver(anew.settings, NEXT[-1])
    assert picture(anew.dsn) == before


def _with_the_words_of_before(world: World) -> None:
    """Take back what the revision of words renames: relations, columns, and what triggers are told."""
    pairs = re.findall(
        r"\('([a-z_.]+)', '([a-z_.]+)'(?:, '([a-z_]+)')?\)", (REVISIONS / f"{HEAD}.sql").read_text("utf-8")
    )
    has_column = "select from pg_attribute where attrelid = to_regclass('{}') and attname = '{}' and not attisdropped"
    for relation, old, new in reversed([pair for pair in pairs if pair[2]]):
        if world.query(has_column.format(relation, new)):
            world.execute(f"alter table {relation} rename column {new} to {old}")
    for old, new in [pair[:2] for pair in pairs if not pair[2]]:
        world.execute(f"alter table if exists {new} rename to {old.split('.')[1]}")
    for relation, name, made in world.query(
        "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger "
        "where tgname like 'kept%' and pg_get_triggerdef(oid) like '%(''business_date'')'"
    ):
        was = str(made).replace("('business_date')", "('run_on')")
        world.execute(f"drop trigger {name} on {relation}; {was}; alter table {relation} enable always trigger {name}")
