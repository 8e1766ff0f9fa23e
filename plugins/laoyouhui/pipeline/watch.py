"""Watch: look at what the carrier has delivered, raise each alert once, close it once, write the metrics.

`watch.alerts` decides in SQL which alerts there are; here they are kept in `raw.alert` and sent.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import SftpSettings, Transport, TransportError, UnreadableError, open_transport
from laoyouhui.feeds.names import parse_stem
from laoyouhui.pipeline.campaign_files import running_campaigns
from laoyouhui.pipeline.journal import Journal, JournalError
from laoyouhui.pipeline.metrics import write_metrics
from laoyouhui.pipeline.notify import Alert, Event, notify, write_events
from laoyouhui.pipeline.overrides import accept_alerts, note_pending, read_overrides, take_back_alerts
from laoyouhui.warehouse.connection import connect, lock_warehouse
from laoyouhui.warehouse.prepare import is_of_another_release, prepare
from laoyouhui.warehouse.roles import grant_rights, has_roles, work_as

log = logging.getLogger(__name__)

_SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class WatchReport:
    """How many alerts one look raised and closed, and how many are open after it."""

    raised: int
    closed: int
    open: int


@private
def watch(
    settings: Settings, *, as_of: datetime | None = None, sftp: SftpSettings | None = None, look: bool = True
) -> WatchReport:
    """Raise and close alerts as of an instant (default: now), send them, and write the metrics; safe to repeat.

    An instant before that of an earlier look counts as the later one: looking back closes no open alert. `look` lists
    the exchange's `in/` first; without it, the last look or run's list counts. If the exchange cannot be reached,
    everything else is done, then its error is raised.
    """
    began = time.monotonic()
    unreachable: TransportError | ConfigError | OSError | None = None
    with connect(settings.warehouse_dsn, autocommit=True) as conn:
        campaigns = running_campaigns(settings, conn)
        carrier = load_carrier(campaigns[0].carrier_file)
        if not _exists(conn, "raw.watched") or not _exists(conn, "watch.alerts") or is_of_another_release(conn):
            _make_ready(settings, carrier)
        work_as(conn, "watch")
        conn.execute(
            'insert into raw.watched (as_of) values (coalesce(%s, now())) on conflict ("only") '
            "do update set as_of = greatest(watched.as_of, excluded.as_of)",
            (as_of,),
        )
        conn.execute("select set_config('laoyouhui.as_of', as_of::text, false) from raw.watched")
        if look:
            try:
                with open_transport(settings.exchange, sftp) as transport:
                    _look(conn, transport, carrier)
            except (TransportError, ConfigError, OSError) as error:
                unreachable = error
        _hear_people(conn, settings)
        if unreachable is None:
            _record_recovery(conn, time.monotonic() - began)
        report = _keep(conn, settings)
        write_metrics(conn, settings, campaigns[0].campaign_id)
    if unreachable is not None:
        raise unreachable
    log.info("%s", report)
    return report


def watch_run(settings: Settings, business_date: date) -> WatchReport:
    """Watch when the run of `business_date` ends: as of now, or of the day after if a date is closed long after."""
    day_after = datetime.combine(business_date, datetime.min.time(), _SHANGHAI) + timedelta(days=2)
    return watch(settings, as_of=min(datetime.now(_SHANGHAI), day_after), look=False)


@private
def step_failed(settings: Settings, business_date: date, step: str, reason: str) -> None:
    """Record that a step failed for good, and watch. If the warehouse itself fails, send the alert all the same."""
    try:
        with connect(settings.warehouse_dsn, step="watch") as conn:
            conn.execute(
                "insert into raw.step (business_date, step, failure) values (%s, %s, %s)",
                (business_date, step, reason),
            )
        watch_run(settings, business_date)
    except Exception:
        log.exception("the failure of %s %s cannot be kept in the warehouse", step, business_date)
        now = datetime.now(_SHANGHAI)
        alert = Alert(
            alert_code="STEP_FAILED",
            severity="critical",
            campaign_id=None,
            place=f"{step} {business_date}",
            what=reason,
            since_at=now.replace(tzinfo=None),
            what_to_do="Mend the reason, then clear the task.",
            runbook="docs/runbook/STEP_FAILED.md",
        )
        write_events(settings, [Event("raised", now, alert)])
        notify(settings, [Event("raised", now, alert)])


def _exists(conn: psycopg.Connection, relation: str) -> bool:
    row = conn.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
    return row is not None and bool(row[0])


def _make_ready(settings: Settings, carrier: Carrier) -> None:
    """Make the relations that alerts need if no run has made them: a first run that never starts is an alert, too."""
    from laoyouhui.pipeline.decide import run_dbt

    with connect(settings.warehouse_dsn, autocommit=True) as conn:
        lock_warehouse(conn, "watch", datetime.now(_SHANGHAI).date())
        prepare(conn, carrier, *running_campaigns(settings, conn))
        kinds = ["--resource-type", "model", "--resource-type", "function"]
        run_dbt(settings, ["build", *kinds, "--select", "+path:models/watch"])
        work_as(conn, "owner")
        if has_roles(conn):
            grant_rights(conn)


def _look(conn: psycopg.Connection, transport: Transport, carrier: Carrier) -> None:
    """Record the data and check files in `in/`, by stem."""
    check_suffix, data_suffix = carrier.check_file.suffix, carrier.files.suffix
    transport.look("in")  # if it cannot be listed, nothing is known
    with conn.transaction():
        conn.execute("delete from raw.arrival")
        for name, feed in carrier.feeds.items():
            stems: dict[str, tuple[date, bool, bool]] = {}
            try:
                files = transport.list(f"in/{name}")
            except UnreadableError as error:
                log.warning("%s", error)  # `ingest` lists it; a due file that does not come raises an alert
                continue
            for file in files:
                is_check = file.name.endswith(check_suffix)
                stem = file.name.removesuffix(check_suffix) if is_check else file.name.removesuffix(".gz")
                named = parse_stem(stem if is_check else stem.removesuffix(data_suffix), name, feed)
                if named is not None:
                    stem = stem if is_check else stem.removesuffix(data_suffix)
                    _, has_data, has_check = stems.get(stem, (named.business_date, False, False))
                    stems[stem] = (named.business_date, has_data or not is_check, has_check or is_check)
            with conn.cursor().copy(
                "copy raw.arrival (feed, stem, business_date, has_data, has_check) from stdin"
            ) as copy:
                for stem, parts in stems.items():
                    copy.write_row((name, stem, *parts))


def _hear_people(conn: psycopg.Connection, settings: Settings) -> None:
    """List the overrides that wait for a second person, and compare acceptances of alerts with the journal."""
    try:
        campaign = running_campaigns(settings, conn)[0]
        overrides = read_overrides(Journal(settings, campaign))
    except JournalError:
        log.exception("who accepted an alert, and what waits for a second person, could not be looked up")
        return
    with conn.transaction():
        note_pending(conn, campaign.people, overrides)
        if taken_back := take_back_alerts(conn, overrides):
            log.error("%d alerts stood as accepted without an override that says so: they stand open again", taken_back)
        accept_alerts(conn, campaign.people, overrides)


def _record_recovery(conn: psycopg.Connection, seconds: float) -> None:
    """Note that watching works again after a failure; noting every look would fill the table."""
    conn.execute(
        "insert into raw.step (business_date, step, seconds) "
        "select last.business_date, 'watch', %s from raw.step as last "
        "where last.step_no = (select max(step_no) from raw.step where step = 'watch') and last.failure is not null",
        (round(seconds, 3),),
    )


def _keep(conn: psycopg.Connection, settings: Settings) -> WatchReport:
    """Bring `raw.alert` up to `watch.alerts`, and send every change that was not sent yet."""
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended('laoyouhui.watch', 0))")
        changed = _events(
            conn,
            """
            with standing as materialized (select * from watch.alerts),
            closed as (
                update raw.alert set closed_at = now(), notified_at = null
                where closed_at is null and alert_key not in (select alert_key from standing)
                returning *
            ),
            raised as (
                insert into raw.alert
                    (alert_key, alert_code, severity, campaign_id, place, what, since_at, what_to_do, runbook)
                select alert_key, alert_code, severity, campaign_id, place, what, since_at, what_to_do, runbook
                from standing
                where alert_key not in (select alert_key from raw.alert where closed_at is null)
                returning *
            )
            select * from closed union all select * from raised order by closed_at, alert_code, place
            """,
        )
        events = list(changed.values())
        write_events(settings, events)  # before the commit: rather twice than never
    untold = _events(conn, "select * from raw.alert where notified_at is null order by closed_at, alert_code, place")
    if notify(settings, list(untold.values())):
        conn.execute("update raw.alert set notified_at = now() where alert_no = any(%s)", (list(untold),))
    counted = conn.execute("select count(*) from raw.alert where closed_at is null").fetchone()
    raised = sum(event.happened == "raised" for event in events)
    return WatchReport(raised, len(events) - raised, counted[0] if counted else 0)


def _events(conn: psycopg.Connection, query: LiteralString) -> dict[int, Event]:
    """The rows of `raw.alert` that a query gives, each as its last event, by number."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return {
            row["alert_no"]: Event(
                "closed" if row["closed_at"] else "raised",
                row["closed_at"] or row["raised_at"],
                Alert(**{part.name: row[part.name] for part in fields(Alert)}),
            )
            for row in cursor.execute(query)
        }
