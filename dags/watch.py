"""Watch: look at what the carrier has delivered and what is open, raise each alert once and close it once.

It runs beside `close_day`, so that a missing file raises an alert even if the run waits or never starts. SQL decides
which alerts there are (`watch.alerts`), by the campaign's `delivered_by` and `watch` terms; docs/runbook/ says what
each means and what to do. After a settled close (docs/phases.md) a look is skipped, with the reason.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import dag

from laoyouhui.orchestration import tasks

SCHEDULE = os.environ.get("LAOYOUHUI_WATCH_SCHEDULE", "*/15 * * * *")  # empty: only by hand
FIRST_DATE = os.environ.get("LAOYOUHUI_FIRST_DATE", "2026-01-25")
RETRIES = int(os.environ.get("LAOYOUHUI_RETRIES", "2"))


@dag(  # type: ignore[untyped-decorator]
    schedule=SCHEDULE or None,
    start_date=pendulum.parse(FIRST_DATE, tz="Asia/Shanghai") if SCHEDULE else None,
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": tasks.alert_failure,
    },
    doc_md=__doc__,
    tags=["laoyouhui"],
)
def watch() -> None:
    tasks.watch()


watch()
