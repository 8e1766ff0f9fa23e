"""Close one business date: ingest what the carrier delivered, decide what is owed, release it, deliver it.

The date is `business_date` of the trigger form, which a run by hand must fill in, or, on the schedule, the day whose
03:00 in Shanghai begins the data interval: the run of the early morning of `D+1` closes `D`. No date is closed that is
not over, or that leaves a gap. On the schedule dates close one after another: a date waits until all tasks of the date
before have succeeded; if one failed, fix it and clear the failed task and those after it: that date closes, then the
waiting ones. Every task can be cleared and run again; nothing is granted or sent twice.

The task `decide` shows the campaign's phase on the date (docs/phases.md). On the schedule a date after a settled close
is skipped, with the reason; a date requested by hand is closed in any phase.

A failed `release` means that Great Expectations refused this date's files: nothing left, and the log names the rows. It
is not retried; errors that time may cure, such as a lost connection, are. A task that fails for good raises an alert;
other alerts are checked when the date ends, and by the DAG `watch`.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import Asset, CronDataIntervalTimetable, Param, dag

from laoyouhui.orchestration import tasks

SCHEDULE = os.environ.get("LAOYOUHUI_SCHEDULE", "0 3 * * *")  # empty: only by hand
FIRST_DATE = os.environ.get("LAOYOUHUI_FIRST_DATE", "2026-01-25")  # the day before the campaign starts
RETRIES = int(os.environ.get("LAOYOUHUI_RETRIES", "2"))
# A date that waits for a failed one is a run, too: with fewer runs than waiting dates, the failed date could
# never start again. So allow more runs than a campaign has dates, up to its last instalment.
MOST_RUNS = 1000 if SCHEDULE else 1


@dag(  # type: ignore[untyped-decorator]
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone="Asia/Shanghai") if SCHEDULE else None,
    start_date=pendulum.parse(FIRST_DATE, tz="Asia/Shanghai") if SCHEDULE else None,
    catchup=bool(SCHEDULE),
    max_active_runs=MOST_RUNS,
    default_args={
        "depends_on_past": bool(SCHEDULE),
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": tasks.alert_failure,
    },
    params={
        # A scheduled DAG may have no parameter without a value: there `ingest` refuses a click without a date.
        "business_date": Param(
            *([None] if SCHEDULE else []),
            type=["null", "string"] if SCHEDULE else "string",
            format="date",
            title="Business date to close, such as 2026-02-01",
        )
    },
    doc_md=__doc__,
    tags=["laoyouhui"],
)
def close_day() -> None:
    ingest = tasks.ingest.override(wait_for_downstream=bool(SCHEDULE))()
    decide = tasks.decide()
    release = tasks.release()
    deliver = tasks.deliver.override(outlets=[Asset("grants_delivered")])()

    ingest >> [decide, release, deliver]  # all of them, since wait_for_downstream sees only direct followers
    decide >> release >> deliver


close_day()
