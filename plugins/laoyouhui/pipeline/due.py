"""Which business dates a run may close: none that is not over yet, and none that leaves dates before it open.

A mistyped date (2062-01-27) would send everything that falls due until then, and close the warehouse for every date
before it.
"""

from __future__ import annotations

from datetime import date, timedelta

import psycopg

from laoyouhui.config.people import People
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal
from laoyouhui.pipeline.overrides import confirmed_overrides
from laoyouhui.pipeline.phase import nothing_left_to_do, phases_on


class NotDueError(Exception):
    """The date may not be closed now. The message says why, and which date may."""


def require_due(
    conn: psycopg.Connection, settings: Settings, journal: Journal, people: People, business_date: date
) -> None:
    """Refuse a date that is not over, or that leaves a gap, unless two people want it closed: NotDueError.

    A date that was begun before is due. So is any date if `settings.today` is None: a story may play any dates. Dates
    after a settled close need no run, and are no gap.
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
    reason = _why_not(settings, settings.today, last, business_date)
    if reason is None:
        return
    wanted = confirmed_overrides(journal, people, "CLOSE_DATE")
    if str(business_date) not in {each.request.fields["business_date"] for each in wanted}:
        raise NotDueError(
            f"{business_date} is not closed: {reason}. Name the date that you meant; if it is this one, two people "
            f"have to want it: close-date {business_date} (docs/manual-overrides.md)"
        )


def _why_not(settings: Settings, today: date, last: date | None, business_date: date) -> str | None:
    yesterday, following = today - timedelta(days=1), last and last + timedelta(days=1)
    if business_date > yesterday:
        return f"today is {today} in Shanghai, and {yesterday} is the last day that is over"
    if following is None or business_date <= following or nothing_left_to_do(phases_on(settings, following)):
        return None
    return f"{last} was closed last, so {following} comes next"
