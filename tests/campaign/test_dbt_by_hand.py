"""dbt as dbt users know it: its own commands in `dbt_project/`, with no variable, by whoever has a clone.

The warehouse is the story's: the profile reaches it by the server's socket below `var/postgres`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.campaign.harness import Day, Play, Story, people, recharges, subscribers, terms
from tests.project import copy_dbt_project

from laoyouhui.pipeline.artifacts import artifacts_folder
from laoyouhui_local.server import EmbeddedPostgres

WHO = people("S-A 01\nS-B 02")
STORY = Story(
    "by hand",
    terms("2026-01-26", "2026-02-28"),
    [
        Day("20260125", proves="set-up: two subscribers are in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260126",
            proves="set-up: one recharge, of which a test warns",
            arrives=[subscribers(WHO), recharges("R-1 S-A 20260126100000 20000 20000 APP")],
        ),
        Day(
            "20260127",
            proves="set-up: two recharges, over which dbt is run by hand",
            arrives=[subscribers(WHO), recharges("R-2 S-B 20260127100000 30000 28000 APP")],
        ),
        Day(
            "20260128",
            proves="rules 1.6: the date after dbt by hand closes with the same bytes",
            arrives=[subscribers(WHO), recharges("V-1 S-A 20260128100000 reverses R-1 20000")],
        ),
        Day(
            "20260129",
            proves="set-up: three recharges, at which a test fails",
            arrives=[subscribers(WHO), recharges("R-3 S-B 20260129100000 30000 28000 APP")],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)
WARNS = "{{ config(severity='warn') }} select * from {{ ref('recharge_decisions') }}\n"
FAILS_OF_THREE = (
    "{{ config(warn_if='> 1', error_if='> 2') }} select * from {{ ref('recharge_decisions') }} where reason <> ''\n"
)

# every command of dbt in one process, since it takes seconds to start
COMMANDS = """
import json, sys
from dbt.cli.main import dbtRunner
for line in sys.stdin:
    ran = dbtRunner().invoke(json.loads(line))
    found = ran.result if isinstance(ran.result, list) else []
    print("RAN " + json.dumps([ran.success, str(ran.exception or ""), found]), flush=True)
"""


class Clone:
    """A clone of the project in which the story was played: `var/postgres` is the server's folder."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, dsn: str) -> None:
        self.folder = copy_dbt_project(folder)
        (folder / "var").mkdir()
        (folder / "var" / "postgres").symlink_to(server.folder)
        (folder / "home").mkdir()
        own, name = dsn.rpartition("/")[2], "lyh_lyh2026_story"
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(f"alter database {own} rename to {name}".encode())
        self.dsn = server.dsn(name)

    def write_test(self, name: str, sql: str) -> None:
        (self.folder / "dbt_project" / "tests" / f"{name}.sql").write_text(sql, "utf-8")

    def dbt(self, *commands: str) -> list[Any]:
        """What each command found, run as a person does who has set nothing: in `dbt_project/`, with an empty HOME."""
        ran = subprocess.run(
            ["sh", "-c", 'cd dbt_project && exec "$0" -c "$1"', sys.executable, COMMANDS],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LANG": "C.UTF-8"},
            input="".join(f"{json.dumps(command.split())}\n" for command in commands),
            capture_output=True,
            text=True,
            check=False,
        )
        said = [json.loads(line[4:]) for line in ran.stdout.splitlines() if line.startswith("RAN ")]
        for command, (is_right, why, _) in zip(commands, said, strict=True):
            assert is_right, f"dbt {command}: {why}\n{ran.stdout[-3000:]}"
        return [found for _, _, found in said]


def _contents(play: Play) -> dict[str, str]:
    """A digest of the rows of each table that keeps rows or that people read."""
    tables = play.query(
        "select format('%I.%I', schemaname, tablename) from pg_tables "
        "where schemaname in ('raw', 'outbox', 'intermediate', 'ledger', 'marts', 'vault')"
    )
    digest = "select md5(coalesce(string_agg(each::text, e'\\n' order by each::text), '')) from {} as each"
    return {str(name): str(play.query(digest.format(name))[0][0]) for (name,) in tables}


def _decide_twice(play: Play, day: Day) -> None:
    """A date whose task `decide` was cleared and ran again before the release."""
    from laoyouhui.pipeline.decide import decide
    from laoyouhui.pipeline.deliver import deliver
    from laoyouhui.pipeline.ingest import ingest
    from laoyouhui.pipeline.release import release

    for file in day.arrives:
        play.carrier.deliver(file, day.closes)
    closes = _date(day)
    ingest(play.settings, closes)
    decide(play.settings, closes)
    decide(play.settings, closes)
    release(play.settings, closes)
    deliver(play.settings, closes)


def _date(day: Day) -> date:
    return date(int(day.closes[:4]), int(day.closes[4:6]), int(day.closes[6:]))


@pytest.mark.timeout(1800)
def test_what_dbt_does_by_hand_changes_no_row_and_the_next_date_closes_with_the_same_bytes(
    new_play: Callable[[Story], Play],
    new_database: Callable[[], str],
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from laoyouhui.pipeline.decide import DecideError

    undisturbed = new_play(STORY)
    clone = Clone(tmp_path / "clone", postgres, new_database())
    clone.write_test("assert_nobody_recharges", WARNS)
    clone.write_test("assert_few_recharge", FAILS_OF_THREE)
    play = Play(STORY, tmp_path, clone.dsn)
    play.settings = replace(play.settings, home=clone.folder)
    _, second, third, fourth, fifth = STORY.days

    play.reach(second)
    undisturbed.reach(second)
    assert "assert_nobody_recharges.sql: warn: 1 row(s)" in caplog.text
    assert "assert_few_recharge.sql" not in caplog.text
    _decide_twice(play, third)
    _decide_twice(undisturbed, third)
    assert "assert_few_recharge.sql: warn: 2 row(s)" in caplog.text

    before = _contents(play)
    assert len(before) > 80
    _, listed, *_ = clone.dbt(
        "parse",
        "ls --select recharge_decisions --resource-type model",
        "compile --select recharge_decisions",
        "show --select recharge_decisions",
        "run --select recharge_decisions",
        "build --select recharge_decisions",
        "test --select recharge_decisions",
        "docs generate --select recharge_decisions",
        "source freshness",
        "build",
    )
    assert listed == ["laoyouhui.ledger.recharge.recharge_decisions"]
    assert _contents(play) == before
    catalog = json.loads((clone.folder / "dbt_project" / "target" / "catalog.json").read_text("utf-8"))
    assert "recharge_id" in catalog["nodes"]["model.laoyouhui.recharge_decisions"]["columns"]
    assert not list((clone.folder / "home").iterdir())

    play._problems.append([])
    undisturbed._problems.append([])
    play.reach(fourth)
    undisturbed.reach(fourth)
    assert play.carrier.out_bytes() == undisturbed.carrier.out_bytes()
    assert play.ledger() == undisturbed.ledger()

    # what ran on a date is state that dbt compares with and selects by
    with pytest.raises(DecideError, match=r"assert_few_recharge\.sql: fail: 3 row"):
        play.reach(fifth)
    left = artifacts_folder(play.settings.work, _date(fifth), 1)
    model = clone.folder / "dbt_project" / "models" / "ledger" / "recharge" / "recharge_decisions.sql"
    unchanged, failed, warned = clone.dbt(
        f"ls --select state:modified --state {left}",
        f"ls --select result:fail --state {left}",
        f"ls --select result:warn --state {left}",
    )
    assert unchanged == []
    assert failed == ["laoyouhui.assert_few_recharge"]
    assert warned == ["laoyouhui.assert_nobody_recharges"]
    model.write_text(model.read_text("utf-8") + "\n-- changed\n", "utf-8")
    (modified,) = clone.dbt(f"ls --select state:modified --state {left} --resource-type model")
    assert modified == ["laoyouhui.ledger.recharge.recharge_decisions"]
