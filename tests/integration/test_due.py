"""Which dates may be closed: none that is not over, none that leaves a gap (rules 1.2; a date typed by mistake)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import CONFIRMER, WHO, WHY, Carrier, Story, people, settings, subscribers, terms

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.due import NotDueError
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.overrides import confirm, read_command, request_override

TODAY = date(2026, 1, 30)
W = people("S-A 01\nS-B 02")


@pytest.fixture
def pipeline(database_dsn: str, tmp_path: Path) -> Settings:
    """A warehouse in which 26 January is closed, on 30 January."""
    told = settings(Story("due", terms("2026-01-26", "2026-04-30"), ()), tmp_path, database_dsn)
    for day in ("20260126", "20260127", "20260128", "20260129"):
        Carrier(tmp_path / "exchange").deliver(subscribers(W), day)
    pipeline = replace(told, today=TODAY)
    ingest(pipeline, date(2026, 1, 26))
    with psycopg.connect(database_dsn) as conn:
        conn.execute("update raw.run set attempts_released = 1")
    return pipeline


def begun(pipeline: Settings) -> list[str]:
    with psycopg.connect(pipeline.warehouse_dsn) as conn:
        return [str(row[0]) for row in conn.execute("select business_date from raw.run order by business_date")]


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2062, 1, 27), "2026-01-29 is the last day that is over"),
        (date(2026, 1, 30), "2026-01-29 is the last day that is over"),
        (date(2026, 1, 28), "2026-01-26 was closed last, so 2026-01-27 comes next"),
        (date(2026, 1, 29), "2026-01-26 was closed last, so 2026-01-27 comes next"),
    ],
)
def test_a_date_that_is_not_over_or_leaves_a_gap_is_refused_and_nothing_is_begun(
    pipeline: Settings, day: date, why: str
) -> None:
    with pytest.raises(NotDueError, match=f"{day} is not closed: .*{why}"):
        ingest(pipeline, day)
    assert begun(pipeline) == ["2026-01-26"]


def test_two_people_can_have_a_date_closed_out_of_turn(pipeline: Settings) -> None:
    at = datetime(2026, 1, 30, 9, tzinfo=UTC)
    name = request_override(pipeline, read_command(["close-date", "2026-01-29", "--by", WHO, "--why", WHY], at))
    with pytest.raises(NotDueError, match="close-date 2026-01-29"):
        ingest(pipeline, date(2026, 1, 29))  # nobody has confirmed it
    confirm(pipeline, name, CONFIRMER, at)
    with pytest.raises(NotDueError):
        ingest(pipeline, date(2026, 1, 28))  # another date
    ingest(pipeline, date(2026, 1, 29))
    assert begun(pipeline) == ["2026-01-26", "2026-01-29"]


def test_the_next_date_is_closed_and_a_begun_one_again(pipeline: Settings) -> None:
    ingest(pipeline, date(2026, 1, 27))
    ingest(pipeline, date(2026, 1, 27))
    assert begun(pipeline) == ["2026-01-26", "2026-01-27"]
    ingest(replace(pipeline, today=date(2026, 1, 20)), date(2026, 1, 27))  # a clock set back stops no mending


def test_a_process_takes_the_day_from_the_calendar_unless_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv("LAOYOUHUI_TODAY", raising=False)
    assert Settings.from_env().today is not None
    monkeypatch.setenv("LAOYOUHUI_TODAY", "2027-05-01")
    assert Settings.from_env().today == date(2027, 5, 1)
    monkeypatch.setenv("LAOYOUHUI_TODAY", "any")
    assert Settings.from_env().today is None
    monkeypatch.setenv("LAOYOUHUI_TODAY", "tomorrow")
    with pytest.raises(ConfigError, match="LAOYOUHUI_TODAY: value 'tomorrow': expected a date"):
        Settings.from_env()
