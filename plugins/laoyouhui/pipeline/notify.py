"""Tell people what was raised and closed: always by the log and a file, by mail and webhooks if addresses are given.

Addresses are Apprise's (https://appriseit.com): `mailtos://user:password@host?to=duty@example.com`,
`jsons://host/path`, `wecombot://key`, `dingtalk://token`, and some hundred others. They hold secrets, so they come only
from the environment and are written nowhere.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from laoyouhui.config.settings import Settings
from laoyouhui.config.text import safe_text, without_numbers

log = logging.getLogger(__name__)

_MOST_SHOWN = 300  # characters of a reason in a message: a gateway cuts long ones where it likes


@dataclass(frozen=True)
class Alert:
    """One alert as `raw.alert` keeps it; `since_at` is Shanghai's clock."""

    alert_code: str
    severity: str
    campaign_id: str | None
    place: str
    what: str
    since_at: datetime
    what_to_do: str
    runbook: str


@dataclass(frozen=True)
class Event:
    """An alert was raised or closed at an instant."""

    happened: Literal["raised", "closed"]
    at: datetime
    alert: Alert


def alert_file(settings: Settings) -> Path:
    """The file that every event is appended to, one JSON object per line."""
    return settings.work / "alerts" / "alerts.jsonl"


def write_events(settings: Settings, events: Sequence[Event]) -> None:
    """Append the events to the file and the log. A file that cannot be written is only an error in the log."""
    for event in events:
        level = logging.WARNING if event.happened == "raised" else logging.INFO  # errors are the task's own reasons
        log.log(level, "alert %s", _line(event))
    if not events:
        return
    path = alert_file(settings)
    lines = "".join(
        _shown(
            json.dumps(
                {"happened": event.happened, "at": event.at.isoformat(), **asdict(event.alert)},
                ensure_ascii=False,
                default=datetime.isoformat,
            )
        )
        + "\n"
        for event in events
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        log.exception("%s cannot be written: the alerts above stand in raw.alert and in this log alone", path)


def notify(settings: Settings, events: Sequence[Event]) -> bool:
    """Send all events as one message to every address of `settings.alert_urls`; say whether all accepted it.

    With several addresses, one that fails has the message sent to all again by the next call.
    """
    if not events or not settings.alert_urls:
        return True
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its messages may quote an address, and so a secret
    messenger = apprise.Apprise()
    if not messenger.add(settings.alert_urls):
        log.error(
            "LAOYOUHUI_ALERT_URLS: an address cannot be read (it is not shown, for it may hold a secret): "
            "expected Apprise addresses separated by blanks, such as mailtos://user:password@host?to=duty@example.com"
        )
    raised = [event for event in events if event.happened == "raised"]
    title = f"老友惠: {len(raised)} raised, {len(events) - len(raised)} closed"
    body = "\n".join(_line(event) for event in events)
    kind = apprise.NotifyType.FAILURE if raised else apprise.NotifyType.SUCCESS
    notified = len(messenger) > 0 and bool(messenger.notify(body=body, title=title, notify_type=kind))
    if not notified:
        log.error("%d events could not be told to every address: the next watch tries again", len(events))
    return notified


def _line(event: Event) -> str:
    alert = event.alert
    what = without_numbers(alert.what)
    what = what if len(what) <= _MOST_SHOWN else f"{what[:_MOST_SHOWN]}…"
    head = f"{event.happened} [{alert.severity}] {alert.alert_code} {alert.place}: {what}"
    if event.happened == "closed":
        return _shown(head)
    return _shown(f"{head} (since {alert.since_at:%Y-%m-%d %H:%M}). {alert.what_to_do} See {alert.runbook}")


def _shown(text: str) -> str:
    """A text as it may be shown: a failure may quote rows."""
    return safe_text(without_numbers(text))
