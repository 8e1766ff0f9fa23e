"""The tasks' own small work: which date, which SFTP server, which errors are final."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgcdxYHnJ1bUZ2xm7q2cAfh8V5w0mSx5Z0b3E1nJm8S"


@pytest.fixture
def in_run(monkeypatch):
    """Stand in a DAG run: in_run(params, data_interval_start)."""
    from laoyouhui.orchestration import tasks

    def stand(asked, begins, run_type="scheduled"):
        context = {
            "params": {"business_date": asked},
            "data_interval_start": begins,
            "dag_run": SimpleNamespace(run_type=run_type),
        }
        monkeypatch.setattr(tasks, "get_current_context", lambda: context)
        return lambda: tasks.business_date(context)

    return stand


def test_the_date_asked_for_wins(in_run):
    assert in_run("2026-02-01", datetime(2026, 3, 1, tzinfo=UTC))() == date(2026, 2, 1)


def test_else_the_date_on_which_the_interval_begins_in_shanghai(in_run):
    # 03:00 of 1 February in Shanghai is 19:00 of 31 January in UTC
    assert in_run(None, datetime(2026, 1, 31, 19, tzinfo=UTC))() == date(2026, 2, 1)


def test_no_date_is_an_error_that_says_what_to_do(in_run):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="trigger close_day with business_date"):
        in_run(None, None)()


def test_a_run_by_hand_that_names_no_date_closes_none(in_run):
    from airflow.sdk.exceptions import AirflowFailException

    # Airflow fills the interval of a click on "Trigger" with that moment
    with pytest.raises(AirflowFailException, match="trigger close_day with business_date"):
        in_run(None, datetime(2026, 11, 27, 9, 30, tzinfo=UTC), "manual")()
    assert in_run("2026-02-01", datetime(2026, 11, 27, 9, 30, tzinfo=UTC), "manual")() == date(2026, 2, 1)


def test_a_folder_needs_no_connection():
    from laoyouhui.orchestration.tasks import sftp_settings

    assert sftp_settings("/srv/exchange") is None


@pytest.fixture
def connection(monkeypatch):
    from airflow.sdk import Connection

    def give(**parts):
        made = Connection(conn_id="carrier", conn_type="sftp", host="sftp.example", login="lyh", **parts)
        monkeypatch.setattr(Connection, "get", lambda _id: made)

    return give


def test_the_connection_becomes_sftp_settings(connection):
    from laoyouhui.orchestration.tasks import sftp_settings

    connection(password="secret", port=2222, extra=f'{{"host_key": "{HOST_KEY}", "root": "/exchange"}}')
    settings = sftp_settings("connection:carrier")
    assert settings is not None
    assert (settings.host, settings.port, settings.user, settings.root) == ("sftp.example", 2222, "lyh", "/exchange")
    assert settings.password == "secret"
    assert settings.private_key is None
    assert settings.host_key == HOST_KEY


def test_a_connection_with_password_and_key_is_refused(connection):
    from laoyouhui.config.errors import ConfigError
    from laoyouhui.orchestration.tasks import sftp_settings

    connection(password="secret", extra=f'{{"host_key": "{HOST_KEY}", "private_key": "a key"}}')
    with pytest.raises(ConfigError, match="exactly one of password and private key"):
        sftp_settings("connection:carrier")


def test_a_refused_release_fails_the_task_at_once_with_its_reason(monkeypatch, in_run, tmp_path):
    from airflow.sdk.exceptions import AirflowFailException

    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import release

    in_run("2026-02-01", None)
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))

    def refuse(_settings, business_date):
        raise release.ReleaseRefused(business_date, 1, [])

    monkeypatch.setattr(release, "release", refuse)
    with pytest.raises(AirflowFailException, match="2026-02-01"):
        tasks.release.function()


def test_what_may_pass_by_itself_is_left_to_the_retries(monkeypatch, in_run, tmp_path):
    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import deliver

    in_run("2026-02-01", None)
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))

    def lose_the_line(*_, **__):
        raise ConnectionError("the line is down")

    monkeypatch.setattr(deliver, "deliver", lose_the_line)
    with pytest.raises(ConnectionError):
        tasks.deliver.function()


def test_a_task_that_was_given_up_is_told_with_its_date_and_reason(monkeypatch, tmp_path):
    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import watch

    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    told = []
    monkeypatch.setattr(watch, "step_failed", lambda _settings, *what: told.append(what))

    class Instance:
        task_id = "deliver"

    context = {"ti": Instance(), "params": {"business_date": "2026-02-01"}, "exception": ConnectionError("line down")}
    tasks.alert_failure(context)
    assert told == [(date(2026, 2, 1), "deliver", "line down")]
    # killed, and of a DAG without dates
    tasks.alert_failure({"ti": Instance(), "params": {}})
    assert told[1][1:] == ("deliver", "the task ended without a reason: see its log")


def test_a_watch_that_fails_does_not_undo_a_delivery(monkeypatch, in_run, tmp_path, caplog):
    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import deliver, metrics, watch

    in_run("2026-02-01", None)
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(deliver, "deliver", lambda *_, **__: None)
    monkeypatch.setattr(metrics, "connect", lambda _dsn, **_: contextlib.nullcontext(SimpleNamespace(execute=print)))

    def lose_the_line(*_):
        raise ConnectionError("the line is down")

    monkeypatch.setattr(watch, "watch_run", lose_the_line)
    tasks.deliver.function()
    assert "could not be looked up" in caplog.text


@pytest.mark.parametrize("task", ["ingest", "watch"])
def test_a_closed_and_settled_campaign_is_skipped_with_its_reason(monkeypatch, in_run, tmp_path, task):
    from airflow.sdk.exceptions import AirflowSkipException

    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import phase

    in_run(None, datetime(2026, 8, 31, 19, tzinfo=UTC))
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    settled = phase.Phase("lyh2026", "CLOSE", date(2026, 5, 11), None, is_settled=True)
    monkeypatch.setattr(phase, "phases_on", lambda *_: [settled])
    with pytest.raises(AirflowSkipException, match=r"needs no run: lyh2026 CLOSE from 2026-05-11: closed, and nothing"):
        getattr(tasks, task).function()


def test_a_date_asked_for_by_hand_is_closed_in_any_phase(monkeypatch, in_run, tmp_path):
    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import ingest, metrics, phase

    in_run("2026-09-01", None)
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    settled = phase.Phase("lyh2026", "CLOSE", date(2026, 5, 11), None, is_settled=True)
    taken = []
    monkeypatch.setattr(phase, "phases_on", lambda *_: [settled])
    monkeypatch.setattr(metrics, "connect", lambda _dsn, **_: contextlib.nullcontext(SimpleNamespace(execute=print)))
    monkeypatch.setattr(ingest, "ingest", lambda _settings, day, **_: taken.append(day))
    tasks.ingest.function()
    assert taken == [date(2026, 9, 1)]


def test_the_phase_is_shown_by_the_run(monkeypatch, in_run, tmp_path):
    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import decide, metrics, phase

    in_run("2026-02-01", None)
    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(metrics, "connect", lambda _dsn, **_: contextlib.nullcontext(SimpleNamespace(execute=print)))
    monkeypatch.setattr(decide, "decide", lambda *_: None)
    warm_up = phase.Phase("lyh2026", "WARM_UP", date(2026, 1, 19), date(2026, 2, 1), is_settled=False)
    monkeypatch.setattr(phase, "phases_on", lambda *_: [warm_up])
    assert tasks.decide.function() == ["lyh2026 WARM_UP from 2026-01-19 to 2026-02-01"]


def test_a_campaign_that_cannot_be_reported_fails_at_once_and_a_run_at_work_is_waited_for(monkeypatch, tmp_path):
    from airflow.sdk.exceptions import AirflowFailException

    from laoyouhui.orchestration import tasks
    from laoyouhui.pipeline import metrics
    from laoyouhui.reports import archive, report
    from laoyouhui.reports.snapshot import ReportError
    from laoyouhui.warehouse.connection import RunningError

    for name in ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(metrics, "connect", lambda _dsn, **_: contextlib.nullcontext(SimpleNamespace(execute=print)))

    def raise_(error):
        raise error

    monkeypatch.setattr(report, "report", lambda _settings: raise_(ReportError("nothing is released")))
    with pytest.raises(AirflowFailException, match="nothing is released"):
        tasks.report.function()
    monkeypatch.setattr(report, "report", lambda settings: [settings.work / "summary.html"])
    assert tasks.report.function() == [str(tmp_path / "summary.html")]
    monkeypatch.setattr(archive, "archive", lambda _settings: raise_(RunningError("ingest is running")))
    with pytest.raises(RunningError):
        tasks.archive.function()


def test_no_error_of_a_task_shows_a_phone_number():
    """Airflow logs each error with all that led to it; what the database says of one quotes the row (rules, 14.2)."""
    import traceback

    from laoyouhui.orchestration.tasks import _no_retry

    detail = "null value\nDETAIL:  Failing row contains (S-1, 13000000001, {'86-13000000002'})."
    error = RuntimeError(f"while loading: {detail}", 7)
    error.__cause__ = ValueError(detail)
    with pytest.raises(RuntimeError) as raised, _no_retry():
        raise error
    told = "".join(traceback.format_exception(raised.value))
    assert told.count("Failing row contains (S-1, ***") == 2
    assert not any(number in told for number in ("13000000001", "13000000002"))
