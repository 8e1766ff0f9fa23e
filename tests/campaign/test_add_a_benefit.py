"""A benefit is files, and a line in each list that unites: docs/how-to-add-a-benefit.md, in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import yaml
from tests.campaign.harness import HOME, Carrier, Story, people, settings, subscribers, terms
from tests.project import blocks, do

WHO = people("""
S-TODAY    01 activation_date=20150131
S-TOMORROW 02 activation_date=20150201
S-YOUNG    03 activation_date=20240131
""")
_CLOSE = """
import sys
from datetime import date
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.close_day import close_day
for day in sys.argv[1:]:
    close_day(Settings.from_env(), date.fromisoformat(day))
"""


def test_the_how_to_page_adds_a_benefit(tmp_path: Path, new_database: Callable[[], str]) -> None:
    page = list(blocks("docs/how-to-add-a-benefit.md"))
    (section,) = [yaml.safe_load(block.text) for block in page if block.path == "campaign"]
    changes = [block for block in page if block.path != "campaign"]
    assert sorted(block.kind == "diff" for block in changes) == [False] * 5 + [True] * 2
    project = tmp_path / "project"
    for part in ("dbt_project", "expectations", "carriers", "plugins"):
        shutil.copytree(HOME / part, project / part, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    for block in changes:  # a benefit is added by new files, and a line in each list
        do(block, project, {})

    first = {"data_gift": None, "recharge": None, **section}
    story = Story("a benefit more", terms("2026-01-31", "2026-03-31", first), days=[])
    # the class that judges the section is in the copy alone
    made = replace(settings(story, tmp_path, new_database()), home=project)
    carrier = Carrier(Path(made.exchange))
    carrier.deliver(subscribers(WHO), "20260130")
    carrier.deliver(subscribers(WHO), "20260131")
    environment = os.environ | {
        "PYTHONPATH": str(project / "plugins"),
        "LAOYOUHUI_HOME": str(project),
        "LAOYOUHUI_EXCHANGE": made.exchange,
        "LAOYOUHUI_CAMPAIGN": os.pathsep.join(map(str, made.campaign_files)),
        "LAOYOUHUI_WORK": str(made.work),
        "WAREHOUSE_DSN": made.warehouse_dsn,
    }
    run = subprocess.run(
        [sys.executable, "-c", _CLOSE, "2026-01-30", "2026-01-31"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]

    def sent(day: str) -> list[list[str]]:
        return [row[1:] for _, rows in carrier.sent("data_grant", day) for row in rows]

    assert sent("20260130") == [["S-TODAY", "13000000001", "LYHANNIV", "1024", "20260131", "20260301"]]
    assert sent("20260131") == [["S-TOMORROW", "13000000002", "LYHANNIV", "1024", "20260201", "20260302"]]
    with psycopg.connect(made.warehouse_dsn) as conn:
        assert conn.execute(
            "select subscriber_id, reason from ledger.anniversary_decisions order by subscriber_id"
        ).fetchall() == [("S-TODAY", "GRANTED"), ("S-TOMORROW", "GRANTED"), ("S-YOUNG", "TENURE")]
        assert conn.execute(
            "select sum(committed_fen), sum(actual_fen) from marts.budget_by_line_month where budget_line = 'B1'"
        ).fetchall() == [(100, 0)]
        assert conn.execute(
            "select benefit, sum(participations), sum(megabytes) from marts.participation_by_day group by 1"
        ).fetchall() == [("ANNIVERSARY", 2, 2048)]
