"""The sample story in the deployment: plays the carrier's part in the exchange and has Airflow close date by date.

It sees what a carrier sees: the folders `in/`, `out/` and `ack/`, and Airflow's page. Dates that are closed already are
left as they are, so it can be stopped and started again. STORY=long plays more dates.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from laoyouhui.config.campaign import load_campaign
from laoyouhui_local.api import AirflowApi, run_id_of
from laoyouhui_local.console import say
from laoyouhui_local.sample.carrier import SampleCarrier
from laoyouhui_local.workspace import STORY_DAYS

EXCHANGE = Path("/exchange")
LOOK_SECONDS = 0.5
KNOWN_SECONDS = 180  # a new deployment reads its DAG first


def main() -> int:
    """Play every date of the story; return 1 at the first one that fails, or when the carrier finds its files wrong."""
    campaign = load_campaign(Path(os.environ["LAOYOUHUI_CAMPAIGN"]))
    carrier = SampleCarrier(EXCHANGE, campaign_starts_on=campaign.starts_on)
    api = AirflowApi(os.environ["AIRFLOW_PAGE"], os.environ["AIRFLOW_ADMIN_PASSWORD"])
    wait_for_dag(api)
    for day in range(STORY_DAYS["long" if os.environ.get("STORY") == "long" else "short"]):
        closes = carrier.first_date + timedelta(days=day)
        began = time.monotonic()
        carrier.deliver(closes)
        state = close(api, closes)
        files = len(list(EXCHANGE.glob(f"out/*/*_{closes:%Y%m%d}_*.chk")))
        say(f"{closes}  {state:8} {files:2} files out  {time.monotonic() - began:5.1f} s")
        if state != "success":
            say(f"{closes} was not closed: its tasks' logs on Airflow's page, DAG close_day, say why", wrong=True)
            return 1
        carrier.answer(closes)
    wrong = carrier.audit()
    say("\n".join(wrong) or "The carrier found nothing wrong with the files that it was sent.")
    return 1 if wrong else 0


def wait_for_dag(api: AirflowApi) -> None:
    """Wait until the Dag processor has read the DAG. Raises TimeoutError with the reason after three minutes."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while not api.knows_dag():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow does not know close_day: {api.import_errors()}")
        time.sleep(LOOK_SECONDS)


def close(api: AirflowApi, closes: date) -> str:
    """Have a date closed unless it is already, wait, and return the state of its run: `success` or `failed`."""
    if api.run_state(run_id_of(closes)) in {None, "failed"}:
        api.trigger(closes)
    while (state := api.run_state(run_id_of(closes))) not in {"success", "failed"}:
        time.sleep(LOOK_SECONDS)
    return str(state)


if __name__ == "__main__":
    sys.exit(main())
