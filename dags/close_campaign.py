"""Close a campaign: write the summary report for management, then the archive. Started by hand, and as often as wanted.

Both describe the last release, and are in `report/` and `archive/` of the work folder; the tasks return the paths
(docs/closing.md). People fill in the report's last chapter: run it again, and the archive includes what they wrote.
"""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import dag

from laoyouhui.orchestration import tasks

RETRIES = int(os.environ.get("LAOYOUHUI_RETRIES", "2"))


@dag(  # type: ignore[untyped-decorator]
    schedule=None,
    max_active_runs=1,
    default_args={
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": tasks.alert_failure,
    },
    doc_md=__doc__,
    tags=["laoyouhui"],
)
def close_campaign() -> None:
    tasks.report() >> tasks.archive()


close_campaign()
