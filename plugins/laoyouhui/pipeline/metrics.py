"""A run's figures: the seconds of each step into `raw.step`, all of them as OpenMetrics into a file.

SQL decides what is counted (`watch.run_metrics`); here it is only formatted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import connect

if TYPE_CHECKING:
    import psycopg
    from prometheus_client import Metric

_SHANGHAI = ZoneInfo("Asia/Shanghai")


@contextmanager
def measured(settings: Settings, business_date: date, step: str) -> Iterator[None]:
    """Record how many seconds a successful step took."""
    began = time.monotonic()
    yield
    with connect(settings.warehouse_dsn, step="watch") as conn:
        conn.execute(
            "insert into raw.step (business_date, step, seconds) values (%s, %s, %s)",
            (business_date, step, round(time.monotonic() - began, 3)),
        )


def metrics_file(settings: Settings) -> Path:
    """The file for the textfile collector of Prometheus' node exporter."""
    return settings.work / "metrics" / "laoyouhui.prom"


def write_metrics(conn: psycopg.Connection, settings: Settings, campaign_id: str) -> None:
    """Write the last run's figures and the open alerts as OpenMetrics, completely or not at all."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.openmetrics.exposition import generate_latest

    class _Collector:
        def collect(self) -> Iterator[Metric]:
            return _families(conn, campaign_id)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    path = metrics_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # the collector reads only *.prom
    part.write_bytes(generate_latest(registry))
    part.replace(path)


def _families(conn: psycopg.Connection, campaign_id: str) -> Iterator[Metric]:
    """One gauge for each metric of the last date, labelled by campaign and member."""
    from prometheus_client.core import GaugeMetricFamily

    rows = conn.execute(
        "select business_date, metric, dimension, member, amount from watch.run_metrics "
        "where business_date = (select max(business_date) from raw.run) order by metric, member"
    ).fetchall()
    families: dict[str, GaugeMetricFamily] = {}
    for _, metric, dimension, member, amount in rows:
        family = families.setdefault(
            metric,
            GaugeMetricFamily(
                f"laoyouhui_{metric}", f"{metric} of the last run, by {dimension}", labels=["campaign", dimension]
            ),
        )
        family.add_metric([campaign_id, member or ""], float(amount))
    if rows:
        closes = datetime.combine(rows[0][0], datetime.min.time(), _SHANGHAI)
        last = GaugeMetricFamily(
            "laoyouhui_business_date_timestamp_seconds", "begin of the date of the last run", labels=["campaign"]
        )
        last.add_metric([campaign_id], closes.timestamp())
        families["business_date"] = last
    alerts = GaugeMetricFamily(
        "laoyouhui_open_alerts", "alerts that nobody has accepted, by code", labels=["campaign", "code", "severity"]
    )
    for code, severity, count in conn.execute(
        "select alert_code, severity, count(*) from raw.alert "
        "where closed_at is null and accepted_at is null group by alert_code, severity order by alert_code"
    ):
        alerts.add_metric([campaign_id, code, severity], count)
    watched = GaugeMetricFamily("laoyouhui_watched_timestamp_seconds", "when this was written", labels=["campaign"])
    watched.add_metric([campaign_id], time.time())
    yield from [*families.values(), alerts, watched]
