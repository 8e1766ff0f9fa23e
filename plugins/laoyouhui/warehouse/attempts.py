"""Which attempt at a business date is in progress, and how far it is: `raw.current_run` beside `raw.run`.

An attempt is begun by ingest, decided by decide and released once. Any other run of a step has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import psycopg

State = Literal["EMPTY", "TAKEN_IN", "DECIDING", "DECIDED"]


class NotBegunError(Exception):
    """The date was never ingested; the message says what to run first."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that is begun and not released.

    `state`: EMPTY (a further attempt at a released date without anything new), TAKEN_IN, DECIDING (dbt began), DECIDED
    (dbt ended).
    """

    attempt_no: int
    state: State


def open_attempt(conn: psycopg.Connection, business_date: date) -> Attempt | None:
    """The attempt at the date that is to be decided and released; None if all of it is released, or a later date is.

    Raises NotBegunError if the date was never begun.
    """
    row = conn.execute(
        "select attempts_released, current.attempt_no, current.state, "
        "exists (select from raw.run as later where later.business_date > run.business_date and attempts_released > 0) "
        "from raw.run left join raw.current_run as current using (business_date) where run.business_date = %s",
        (business_date,),
    ).fetchone()
    if row is None or (row[1] is None and not row[0]):
        raise NotBegunError(f"{business_date} was not ingested: run the step ingest for it first")
    released, attempt_no, state, is_followed = row
    if is_followed or attempt_no is None or attempt_no <= released:
        return None
    return Attempt(attempt_no, state)


def begin_deciding(conn: psycopg.Connection) -> None:
    """Note that dbt begins; if it began before and did not end, its rows are left from a dead attempt.

    Budget lines have spent what the last release shows: money is free only once its release is final.
    """
    with conn.transaction():
        conn.execute("delete from raw.budget_spent")
        released = conn.execute("select to_regclass('marts.budget_by_line_month')").fetchone()
        if released is not None and released[0] is not None:
            conn.execute(
                "insert into raw.budget_spent "
                "select campaign_id, budget_line, sum(committed_fen + actual_fen) from marts.budget_by_line_month "
                "where budget_line <> 'TOTAL' group by campaign_id, budget_line"
            )
    conn.execute(
        "update raw.current_run set is_retry = is_retry or state in ('DECIDING', 'DECIDED'), state = 'DECIDING'"
    )


def end_deciding(conn: psycopg.Connection) -> None:
    """Note that dbt has decided everything: the attempt may be released."""
    conn.execute("update raw.current_run set state = 'DECIDED'")
