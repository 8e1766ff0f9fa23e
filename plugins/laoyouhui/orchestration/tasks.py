"""The tasks of the DAGs: each calls one function of `laoyouhui.pipeline`, imported where it is called."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import today_in_shanghai
from laoyouhui.config.text import safe_text, without_numbers
from laoyouhui.orchestration.lineage import emit_models, is_collected, report_datasets

if TYPE_CHECKING:
    from airflow.sdk import Context

    from laoyouhui.config.settings import Settings
    from laoyouhui.delivery.transport import SftpSettings

_SHANGHAI = ZoneInfo("Asia/Shanghai")

log = logging.getLogger(__name__)


@task
def ingest() -> None:
    """Check what the carrier delivered up to the date and load it into `raw`; skipped after a settled close."""
    from laoyouhui.pipeline.due import NotDueError
    from laoyouhui.pipeline.ingest import ingest as step
    from laoyouhui.pipeline.journal import JournalError

    context = get_current_context()
    if not context["params"].get("business_date"):  # a date requested by hand is closed in any phase
        _skip_what_is_over(business_date(context))
    with _step("ingest", JournalError, NotDueError) as (settings, day):
        log.info("%s", step(settings, day, sftp=sftp_settings(settings.exchange)))


@task
def decide() -> list[str]:
    """Let dbt decide what each subscriber is owed; give the phase of each campaign on the date."""
    from laoyouhui.pipeline.decide import DecideError
    from laoyouhui.pipeline.decide import decide as step
    from laoyouhui.pipeline.phase import phases_on

    with _step("decide", DecideError) as (settings, day):
        began_at = datetime.now(UTC)
        try:
            step(settings, day)
        finally:
            emit_models(settings, day, began_at)
        phases = [str(phase) for phase in phases_on(settings, day)]
        log.info("%s lies in: %s", day, "; ".join(phases))
    return phases


@task
def release() -> None:
    """Let Great Expectations release the date's files and marts, or fail with the reason."""
    from laoyouhui.pipeline.release import ReleaseRefused
    from laoyouhui.pipeline.release import release as step

    with _step("release", ReleaseRefused) as (settings, day):
        log.info("%s", step(settings, day))


@task
def deliver() -> None:
    """Write the released files into the exchange's `out/`."""
    from laoyouhui.pipeline.deliver import DeliveryError
    from laoyouhui.pipeline.deliver import deliver as step
    from laoyouhui.pipeline.journal import JournalError
    from laoyouhui.pipeline.watch import watch_run

    with _step("deliver", DeliveryError, JournalError) as (settings, day):
        log.info("%s", step(settings, day, sftp=sftp_settings(settings.exchange)))
    try:
        watch_run(settings, day)
    except Exception:  # the files are delivered: a failed watch does not undo that, and the next one reports
        log.exception("%s is delivered, but its alerts could not be looked up", day)


@task
def watch() -> None:
    """Look at what the carrier has delivered; raise and close alerts; write the metrics."""
    from laoyouhui.pipeline.watch import watch as step

    _skip_what_is_over(_yesterday())
    with _no_retry():
        settings = _settings()
        step(settings, sftp=sftp_settings(settings.exchange))
        _report_datasets(settings, "watch", _yesterday())


@task
def report() -> list[str]:
    """Write the summary report of each campaign; give the files. A report that people have filled in is kept."""
    from laoyouhui.reports.report import report as step
    from laoyouhui.reports.snapshot import ReportError

    with _closing("report", ReportError) as settings:
        return [str(path) for path in step(settings)]


@task
def archive() -> list[str]:
    """Write the archive of each campaign: marts, parameters, rules and report, with checksums; give the folders."""
    from laoyouhui.reports.archive import archive as step
    from laoyouhui.reports.snapshot import ReportError

    with _closing("archive", ReportError) as settings:
        return [str(path) for path in step(settings)]


def alert_failure(context: Context) -> None:
    """Raise an alert for a task that failed for good, with its reason: the `on_failure_callback` of every task."""
    from laoyouhui.pipeline.watch import step_failed

    step = context["ti"].task_id
    try:
        day = business_date(context)
    except AirflowFailException:  # `watch` and `close_campaign` close no date
        day = _yesterday()
    error = context.get("exception")
    step_failed(_settings(), day, step, str(error or "the task ended without a reason: see its log"))


def business_date(context: Context) -> date:
    """The date that this DAG run closes: the run's parameter, or the Shanghai day on which its data interval begins.

    A run by hand must name its date: Airflow fills the interval of such a run with the time of the click.
    """
    asked = context["params"].get("business_date")
    if asked:
        return date.fromisoformat(asked)
    begins = context.get("data_interval_start")
    if begins is None or context["dag_run"].run_type == "manual":
        raise AirflowFailException("no business date: trigger close_day with business_date, such as 2026-02-01")
    closes: date = begins.astimezone(_SHANGHAI).date()
    return closes


def sftp_settings(exchange: str) -> SftpSettings | None:
    """The SFTP server of an exchange written as `connection:<id>`, from that Airflow connection; None for a folder.

    The connection holds host, port, login and a password or, in its extra, the text of a `private_key` (never both),
    and in its extra the server's `host_key` and the exchange's folder there, `root`.
    """
    connection_id = exchange.removeprefix("connection:")
    if connection_id == exchange:
        return None
    from airflow.sdk import Connection

    from laoyouhui.delivery.transport import SftpSettings

    connection = Connection.get(connection_id)
    extra = connection.extra_dejson
    return SftpSettings(
        host=connection.host or "",
        port=connection.port or 22,
        user=connection.login or "",
        password=connection.password or None,
        private_key=extra.get("private_key"),
        host_key=extra.get("host_key", ""),
        root=extra.get("root", "."),
    )


def _yesterday() -> date:
    return today_in_shanghai() - timedelta(days=1)


def _skip_what_is_over(day: date) -> None:
    """Skip the task and those after it if every campaign is closed with nothing open."""
    from laoyouhui.pipeline.phase import nothing_left_to_do, phases_on

    reason = nothing_left_to_do(phases_on(_settings(), day))
    if reason:
        raise AirflowSkipException(f"{day} needs no run: {reason}")


@contextmanager
def _step(name: str, *errors: type[Exception]) -> Iterator[tuple[Settings, date]]:
    """Give a step of `close_day` its settings and its date, and record its seconds."""
    from laoyouhui.pipeline.metrics import measured

    with _no_retry(*errors):
        settings, day = _settings(), business_date(get_current_context())
        with measured(settings, day, name):
            yield settings, day
        if name != "decide":  # which tells what dbt's models have done
            _report_datasets(settings, name, day)


@contextmanager
def _closing(name: str, *errors: type[Exception]) -> Iterator[Settings]:
    """Give a task of `close_campaign` its settings, and record its seconds."""
    from laoyouhui.pipeline.metrics import measured

    with _no_retry(*errors):
        settings = _settings()
        with measured(settings, _yesterday(), name):
            yield settings
        _report_datasets(settings, name, _yesterday())


def _report_datasets(settings: Settings, step: str, day: date) -> None:
    if is_collected():
        report_datasets(settings, step, day, sftp_settings(settings.exchange))


@contextmanager
def _no_retry(*errors: type[Exception]) -> Iterator[None]:
    """Fail the task immediately on errors that waiting does not cure: a person has to fix something."""
    final: tuple[type[Exception], ...] = (ConfigError, *errors)
    try:
        yield
    except Exception as error:
        _hide_numbers(error)
        if isinstance(error, final):
            raise AirflowFailException(safe_text(str(error), keep="\n")) from error
        raise


def _hide_numbers(error: BaseException | None) -> None:
    """The database's error messages may quote rows, and Airflow logs them, with all errors that led to them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.args = tuple(without_numbers(part) if isinstance(part, str) else part for part in error.args)
        error = error.__cause__ or error.__context__


def _settings() -> Settings:
    from laoyouhui.config.settings import Settings

    return Settings.from_env()
