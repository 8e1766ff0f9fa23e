"""Which business dates a run may close: none that is not over yet, and none that leaves dates before it open.

A date typed by mistake (2062-01-27) would have everything that falls due until then leave at once, and would shut the
warehouse for every date before it.
"""

from __future__ import annotations

from datetime import date, timedelta

import psycopg

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.phase import nothing_left_to_do, phases_on


class NotDueError(Exception):
    """The date is not to be closed now. The message says why, and which date is."""


def require_due(conn: psycopg.Connection, settings: Settings, business_date: date) -> None:
    """Refuse a date that is not over, or that leaves a gap: NotDueError.

    A date that was begun before is due. So is any date where `settings.today` is None: the dates of a story are played
    as it tells them. Dates after a settled close need no run, and are no gap.
    """
    if settings.today is None:
        return
    row = conn.execute(
        "select coalesce(bool_or(business_date = %(day)s), false), max(business_date) from raw.run",
        {"day": business_date},
    ).fetchone()
    is_begun, last = row or (False, None)
    if is_begun:
        return
    yesterday = settings.today - timedelta(days=1)
    if business_date > yesterday:
        raise NotDueError(
            f"{business_date} is not closed: today is {settings.today} in Shanghai, and {yesterday} is the last day "
            "that is over. Name the date that you meant"
        )
    if last is not None and business_date > last + timedelta(days=1):
        missing = last + timedelta(days=1)
        if not nothing_left_to_do(phases_on(settings, missing)):
            raise NotDueError(
                f"{business_date} is not closed: {last} was closed last, so {missing} comes next. Close the dates "
                "between first, or name the date that you meant"
            )
