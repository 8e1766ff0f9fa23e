"""What calls for a person over a campaign's first days: raised once, closed once, told to every address.

Expectations are written from rules 12 ("no file at all by 09:00 is an alert") and the terms below.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from tests.campaign.harness import Day, File, Play, Story, people, recharges, subscribers, terms

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.metrics import metrics_file
from laoyouhui.pipeline.notify import alert_file
from laoyouhui.pipeline.overrides import OverrideError, read_command, request_override
from laoyouhui.pipeline.watch import WatchReport, step_failed, watch, watch_run
from laoyouhui.warehouse.connection import connect

pytestmark = pytest.mark.enable_socket

WHO = people("S-OLD 01\nS-TWO 02")
BAD_ROW = "R-8|S-OLD||20260203100000|GIFT||10000|10000|APP||"
GOOD = "R-1 S-OLD 20260203100000 20000 18800 APP"  # a bonus of 24 yuan, for which the plan has no money

DAYS = [
    Day(
        "20260201",
        proves="set-up: a reversal comes whose recharge never does",
        arrives=[subscribers(WHO), recharges("V-1 S-TWO 20260201100000 reverses R-0 20000"), File("optout", [])],
    ),
    Day(
        "20260202",
        proves="set-up: the recharge file fails its check, and no opt-outs come",
        arrives=[subscribers(WHO), recharges("", lie="rows")],
    ),
    Day(
        "20260203",
        proves="set-up: the corrected file comes, opt-outs without a check file, and a bad row",
        arrives=[
            subscribers(WHO),
            recharges("", seq=2, date="20260202"),
            File("optout", [], date="20260202", part="data"),
            File("recharge", [*recharges(GOOD).rows, BAD_ROW]),
            File("optout", []),
        ],
    ),
]
STORY = Story(
    "alerts",
    terms(
        "2026-02-02",
        "2026-02-28",
        {
            "intake": {"bad_rows_limit_bp": 10000, "delivered_by": "09:00"},
            "watch": {"finished_by": "08:00", "stale_days": 2, "unanswered_days": 1},
            "recharge": {"orphan_reversal_days": 1},
        },
    ),
    DAYS,
    silent=frozenset({"eligibility", "data_grant"}),
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def play(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Play:
    """In a database where nothing was ever made: the first tests watch one."""
    return Play(STORY, tmp_path_factory.mktemp("story"), new_database())


def rows(settings: Settings, query: Any) -> list[tuple[Any, ...]]:
    with connect(settings.warehouse_dsn) as conn:
        return conn.execute(query).fetchall()


def run(settings: Settings, query: Any) -> None:
    with connect(settings.warehouse_dsn) as conn:
        conn.execute(query)


def standing(settings: Settings) -> set[str]:
    """The open alerts, as `CODE place`."""
    found = rows(settings, "select alert_code || ' ' || place from raw.alert where closed_at is null")
    return {row[0] for row in found}


def test_a_first_run_that_never_starts_is_an_alert(play: Play) -> None:
    """Nothing was ever begun in this warehouse, and nothing delivered."""
    report = watch(play.settings, as_of=at("2026-02-02 07:59"))
    assert report == WatchReport(raised=0, closed=0, open=0)
    assert watch(play.settings, as_of=at("2026-02-02 08:00")).raised == 1
    assert standing(play.settings) == {"RUN_NOT_FINISHED 2026-02-01"}
    watch(play.settings, as_of=at("2026-02-02 09:00"))
    assert standing(play.settings) == {
        "RUN_NOT_FINISHED 2026-02-01",
        "FEED_MISSING subscriber 2026-02-01",
        "FEED_MISSING recharge 2026-02-01",
        "FEED_MISSING optout 2026-02-01",
    }


def test_an_alert_is_raised_once(play: Play) -> None:
    assert watch(play.settings, as_of=at("2026-02-02 09:15")) == WatchReport(raised=0, closed=0, open=4)
    lines = alert_file(play.settings).read_text("utf-8").splitlines()
    assert len(lines) == 4
    first = json.loads(lines[0])
    assert (first["happened"], first["alert_code"], first["place"], first["since_at"]) == (
        "raised",
        "RUN_NOT_FINISHED",
        "2026-02-01",
        "2026-02-02T08:00:00",
    )
    assert first["runbook"] == "docs/runbook/RUN_NOT_FINISHED.md"


def test_files_that_wait_for_the_run_are_not_missing(play: Play) -> None:
    play.carrier.deliver(subscribers(WHO), "20260201")
    play.carrier.deliver(File("optout", [], part="data"), "20260201")
    assert watch(play.settings, as_of=at("2026-02-02 09:30")).closed == 1
    assert standing(play.settings) == {
        "RUN_NOT_FINISHED 2026-02-01",
        "FEED_MISSING recharge 2026-02-01",
        "FEED_MISSING optout 2026-02-01",
    }
    what = rows(play.settings, "select what from watch.alerts where place = 'optout 2026-02-01'")
    assert what == [("no file of optout for 2026-02-01, only optout_20260201_0001 without its check file",)]


def test_the_run_closes_what_it_mends(play: Play) -> None:
    play.check(DAYS[0])
    report = watch(play.settings, as_of=at("2026-02-02 10:00"))
    assert report == WatchReport(raised=0, closed=3, open=0)


def test_a_bad_file_a_missing_one_an_orphan_and_no_answer_are_alerts(play: Play) -> None:
    play.check(DAYS[1])
    watch_run(play.settings, date(2026, 2, 2))
    assert standing(play.settings) == {
        "FILE_SET_ASIDE recharge_20260202_0001.txt",
        "FEED_MISSING optout 2026-02-02",
        "ORPHAN_REVERSAL recharge_20260201_0001.txt",
        "FILE_UNANSWERED eligibility_lyh2026_20260201_0001",
        "FILE_UNANSWERED data_grant_lyh2026_20260201_0001",
    }


def test_a_corrected_file_closes_a_data_file_alone_does_not(play: Play) -> None:
    play.check(DAYS[2])
    watch(play.settings, as_of=at("2026-02-04 09:00"))
    assert standing(play.settings) == {
        "FEED_MISSING optout 2026-02-02",
        "ROWS_SET_ASIDE recharge_20260203_0001.txt",
        "ORPHAN_REVERSAL recharge_20260201_0001.txt",
        "FILE_UNANSWERED eligibility_lyh2026_20260201_0001",
        "FILE_UNANSWERED data_grant_lyh2026_20260201_0001",
        "BUDGET_OVER_PLAN B2 2026-02",
    }
    closed = rows(play.settings, "select alert_code from raw.alert where closed_at is not null and place ~ '0202'")
    assert closed == [("FILE_SET_ASIDE",)]


def test_a_feed_that_stops_is_stale_a_snapshot_makes_earlier_ones_needless(play: Play) -> None:
    play.carrier.deliver(subscribers(WHO), "20260205")
    watch(play.settings, as_of=at("2026-02-06 09:00"))
    feeds = {alert for alert in standing(play.settings) if alert.startswith("FEED_")}
    assert feeds == {
        "FEED_MISSING optout 2026-02-02",
        *(f"FEED_MISSING {feed} 2026-02-0{day}" for feed in ("recharge", "optout") for day in (4, 5)),
        "FEED_STALE recharge",
        "FEED_STALE optout",
    }
    assert "RUN_NOT_FINISHED 2026-02-04" in standing(play.settings)  # the first that holds up the others
    assert "RUN_NOT_FINISHED 2026-02-05" not in standing(play.settings)


def test_nothing_is_due_after_the_late_files_but_for_what_is_owed(play: Play) -> None:
    """The last run left the bonus of R-1 unpaid: runs go on after the campaign."""
    due = "select max(business_date) from watch.due_dates"
    with connect(play.settings.warehouse_dsn) as conn:
        conn.execute("select set_config('laoyouhui.as_of', '2026-06-01 12:00+08', false)")
        assert conn.execute(due).fetchone() == (date(2026, 5, 31),)
        conn.execute("update watch.run_figures set amount = 0 where figure = 'open_fen'")
        assert conn.execute(due).fetchone() == (date(2026, 3, 10),)  # ten days for late files
        conn.rollback()


def test_a_refused_release_and_a_failed_step_are_alerts(play: Play) -> None:
    run(play.settings, "insert into raw.run (business_date, started_at) values ('2026-02-04', now())")
    run(
        play.settings,
        "insert into raw.release_check values ('2026-02-04', 1, 'intake', 'raw.delivery', 'it holds', false, 'S-OLD')",
    )
    step_failed(play.settings, date(2026, 2, 4), "release", "release of 2026-02-04 refused: 1 of 80 checks failed")
    step_failed(play.settings, date(2026, 2, 4), "deliver", "SFTP u@h:22: no connection")
    found = standing(play.settings)
    assert "RELEASE_REFUSED 2026-02-04" in found
    assert "STEP_FAILED release 2026-02-04" not in found  # the same thing is not said twice
    assert "STEP_FAILED deliver 2026-02-04" in found
    what = rows(play.settings, "select what from raw.alert where alert_code = 'RELEASE_REFUSED'")
    assert what == [("1 checks failed: raw.delivery: expected that it holds",)]  # no subscriber leaves with it

    for step in ("release", "deliver"):
        run(play.settings, f"insert into raw.step (business_date, step, seconds) values ('2026-02-04', '{step}', 1)")
    run(play.settings, "update raw.run set attempts_released = 1 where business_date = '2026-02-04'")
    watch_run(play.settings, date(2026, 2, 4))
    assert not {alert for alert in standing(play.settings) if alert.startswith(("RELEASE", "STEP"))}


def test_a_failed_step_is_told_though_the_warehouse_is_gone(play: Play, tmp_path: Any) -> None:
    gone = replace(play.settings, work=tmp_path, warehouse_dsn="postgresql://u@127.0.0.1:1/none")
    step_failed(gone, date(2026, 2, 4), "ingest", "the warehouse cannot be reached")
    (line,) = alert_file(gone).read_text("utf-8").splitlines()
    assert json.loads(line)["place"] == "ingest 2026-02-04"


def test_what_a_person_accepted_does_not_count_as_open(play: Play) -> None:
    ((key,),) = play.query("select alert_key from raw.alert where place = 'optout 2026-02-02' and closed_at is null")
    command = ["accept-alert", str(key), "--why", "the carrier has none", "--by"]
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    with pytest.raises(OverrideError, match="NOT_DECLARED"):
        request_override(play.settings, read_command([*command, "Li"], now))
    request_override(play.settings, read_command([*command, "李四"], now))
    report = watch(play.settings, as_of=at("2026-02-06 09:00"))
    assert report.raised == 0
    assert 'code="FEED_MISSING",severity="warning"} 4.0' in metrics_file(play.settings).read_text()
    accepted = "select accepted_by, accepted_justification from raw.alert where accepted_at is not null"
    assert play.query(accepted) == [("李四", "the carrier has none")]


def test_an_alert_is_not_accepted_by_a_plain_update(play: Play) -> None:
    """The last fault of the list, F: under any name, kept nowhere."""
    update = "update raw.alert set accepted_at = now(), accepted_by = '李四', accepted_justification = 'x'"
    of_one = " where place = 'optout 2026-02-04' and closed_at is null"
    assert play.query(f"select accepted_by from raw.alert{of_one}") == [(None,)]  # it stands open
    with pytest.raises(psycopg.errors.CheckViolation):
        run(play.settings, update + of_one)
    run(play.settings, f"{update}, accepted_override = '000001-0123456789ab'{of_one}")
    watch(play.settings, as_of=at("2026-02-06 09:00"))
    assert play.query(f"select accepted_by from raw.alert{of_one}") == [(None,)]


def test_an_exchange_out_of_reach_fails_the_watch_but_not_the_rest(play: Play, tmp_path: Any) -> None:
    from laoyouhui.config.errors import ConfigError

    play.carrier.deliver(File("optout", []), "20260204")
    lost = replace(play.settings, exchange=str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="no such folder"):
        watch(lost, as_of=at("2026-02-07 09:00"))
    assert "FEED_MISSING optout 2026-02-06" in standing(play.settings)  # by what was seen before
    assert "FEED_MISSING optout 2026-02-04" in standing(play.settings)
    run(
        play.settings,
        "insert into raw.step (business_date, step, failure) values ('2026-02-06', 'watch', 'no such folder')",
    )
    watch(play.settings, as_of=at("2026-02-07 09:00"))
    assert not {alert for alert in standing(play.settings) if alert.startswith("STEP_FAILED")}
    assert "FEED_MISSING optout 2026-02-04" not in standing(play.settings)


def test_the_metrics_are_openmetrics_and_what_prometheus_reads(play: Play) -> None:
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics

    run(play.settings, "delete from raw.run where business_date > '2026-02-03'")
    watch(play.settings, as_of=at("2026-02-08 09:00"))
    text = metrics_file(play.settings).read_text("utf-8")
    families = list(openmetrics.text_string_to_metric_families(text))
    same = list(parser.text_string_to_metric_families(text))
    assert {family.name for family in families} == {family.name for family in same}
    values = {
        (
            sample.name.removeprefix("laoyouhui_"),
            *(value for label, value in sample.labels.items() if label != "campaign"),
        ): sample.value
        for family in families
        for sample in family.samples
    }
    assert values["rows_received", "recharge"] == 2  # R-1 and the bad row; the corrected file of the 2nd is empty
    assert values["rows_quarantined", "recharge"] == 1
    granted = {key[1]: value for key, value in values.items() if key[0] == "granted_rows"}
    assert granted == {"RECHARGE_DISCOUNT": 1, "RECHARGE_BONUS": 6}
    assert values["owed_fen", "RECHARGE_BONUS"] == 2400
    assert {key[1] for key in values if key[0] == "step_seconds"} == {"ingest", "decide", "release", "deliver"}
    assert values["business_date_timestamp_seconds",] == at("2026-02-03 00:00").timestamp()
    assert [path.name for path in metrics_file(play.settings).parent.iterdir()] == ["laoyouhui.prom"]


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook that keeps what it is told."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://duty:hunter2@127.0.0.1:{server.server_port}/s3cret", told
    server.shutdown()
    server.server_close()


def test_a_webhook_is_told_once_also_after_it_was_away(
    play: Play, webhook: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    address, told = webhook
    run(play.settings, "update raw.alert set closed_at = now() where closed_at is null")
    away = replace(play.settings, alert_urls="json://duty:hunter2@127.0.0.1:1/s3cret")
    with caplog.at_level(logging.DEBUG):
        raised = watch(away, as_of=at("2026-02-08 09:00")).raised
        watch(replace(play.settings, alert_urls="nonsense://hunter2"), as_of=at("2026-02-08 09:00"))
    assert raised > 0
    assert rows(play.settings, "select count(*) from raw.alert where notified_at is null") == [(raised,)]
    assert "could not be told" in caplog.text
    assert "hunter2" not in caplog.text
    assert "s3cret" not in caplog.text

    here = replace(play.settings, alert_urls=address)
    assert watch(here, as_of=at("2026-02-08 09:00")).raised == 0
    watch(here, as_of=at("2026-02-08 09:00"))
    (message,) = told
    assert message["title"] == f"老友惠: {raised} raised, 0 closed"
    assert "FEED_MISSING optout 2026-02-02" in message["message"]
    assert "docs/runbook/BUDGET_OVER_PLAN.md" in message["message"]
    assert "hunter2" not in repr(here)


def test_a_campaign_that_watches_nothing_of_its_own_has_the_other_alerts(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    """Without `watch` in the campaign file the run has no deadline; a missing feed is missing all the same."""
    campaign: Any = terms("2026-02-02", "2026-02-28")
    campaign["terms"][0].pop("watch")
    play = Play(Story("quiet", campaign, DAYS), tmp_path, new_database())
    watch(play.settings, as_of=at("2026-02-09 09:00"))
    assert {line.split()[0] for line in standing(play.settings)} == {"FEED_MISSING"}
