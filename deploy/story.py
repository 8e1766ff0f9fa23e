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

import httpx

from laoyouhui.config.campaign import load_campaign
from laoyouhui.local.console import say
from laoyouhui.local.workspace import STORY_DAYS
from laoyouhui.sample.carrier import SampleCarrier

EXCHANGE = Path("/exchange")
DAG = "/dags/close_day"
LOOK_SECONDS = 0.5
KNOWN_SECONDS = 180  # a new deployment reads its DAG first


def main() -> int:
    """Play every date of the story; return 1 at the first one that fails, or when the carrier finds its files wrong."""
    campaign = load_campaign(Path(os.environ["LAOYOUHUI_CAMPAIGN"]))
    carrier = SampleCarrier(EXCHANGE, campaign_starts_on=campaign.starts_on)
    with airflow() as client:
        wait_for_dag(client)
        for day in range(STORY_DAYS["long" if os.environ.get("STORY") == "long" else "short"]):
            closes = carrier.first_date + timedelta(days=day)
            began = time.monotonic()
            carrier.deliver(closes)
            state = close(client, closes)
            files = len(list(EXCHANGE.glob(f"out/*/*_{closes:%Y%m%d}_*.chk")))
            say(f"{closes}  {state:8} {files:2} files out  {time.monotonic() - began:5.1f} s")
            if state != "success":
                say(f"{closes} was not closed: its tasks' logs on Airflow's page, DAG close_day, say why", wrong=True)
                return 1
            carrier.answer(closes)
    wrong = carrier.audit()
    say("\n".join(wrong) or "The carrier found nothing wrong with the files that it was sent.")
    return 1 if wrong else 0


def airflow() -> httpx.Client:
    """Log in to Airflow's page and return a client of its API."""
    page = os.environ["AIRFLOW_PAGE"]
    who = {"username": "admin", "password": os.environ["AIRFLOW_ADMIN_PASSWORD"]}
    answer = httpx.post(f"{page}/auth/token", json=who, timeout=60).raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.Client(base_url=f"{page}/api/v2", headers=headers, timeout=60)


def wait_for_dag(client: httpx.Client) -> None:
    """Wait until the Dag processor has read the DAG. Raises TimeoutError with the reason after three minutes."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while not client.get(DAG).is_success:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow does not know close_day: {client.get('/importErrors').text}")
        time.sleep(LOOK_SECONDS)


def close(client: httpx.Client, closes: date) -> str:
    """Have a date closed unless it is already, wait, and return the state of its run: `success` or `failed`."""
    run = f"{DAG}/dagRuns/close__{closes}"
    known = client.get(run)
    if known.is_success and known.json()["state"] == "failed":
        client.post(f"{run}/clear", json={"dry_run": False}).raise_for_status()
    elif not known.is_success:
        body = {
            "dag_run_id": f"close__{closes}",
            "logical_date": f"{closes}T03:00:00+08:00",
            "conf": {"business_date": closes.isoformat()},
        }
        client.post(f"{DAG}/dagRuns", json=body).raise_for_status()
    while True:
        state = str(client.get(run).raise_for_status().json()["state"])
        if state in {"success", "failed"}:
            return state
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
