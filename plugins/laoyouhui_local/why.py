"""`make why`: what was decided about one subscriber, rule by rule, as `ledger.reasons` says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import NamedTuple

import psycopg

from laoyouhui.warehouse.connection import connect
from laoyouhui_local.console import say, say_table
from laoyouhui_local.workspace import UsageError, date_of

# The judgement in force on the day, and what fell on it; all there is where no day is named. What an event asked about
# eligibility stands in one row of the event: it is spelled out where the answer was no, or where little is asked for.
_REASONS = """
    with mine as materialized (
        select *, event_on <= coalesce(%(on)s::date, 'infinity') as is_past
        from ledger.reasons
        where subscriber_id = %(subscriber)s
    ),
    blocks as (
        select mine.*,
            mine.subject = 'ELIGIBILITY' and mine.subject_id is null as is_current,
            dense_rank() over (
                partition by mine.campaign_id, mine.subject, mine.subject_id, mine.is_past
                order by mine.event_on desc, mine.attempt_no desc
            ) = 1 as is_last,
            bool_or(mine.outcome = 'NOT ELIGIBLE') over (
                partition by mine.campaign_id, mine.subject, mine.subject_id, mine.business_date, mine.attempt_no
            ) as is_no
        from mine
    )
    select campaign_id, event_on, subject, subject_id, step_no, rule, rule_no, input, outcome, reason, terms_version,
        source_file, source_line, business_date, coalesce(attempt_no, 1) as attempt_no,
        exists (
            select from raw.run
            where run.business_date = blocks.business_date and run.attempts_released >= coalesce(blocks.attempt_no, 1)
        ) as is_released
    from blocks
    where
        case
            when %(recharge)s::text is not null
                then
                    (subject = 'RECHARGE' and subject_id = %(recharge)s)
                    or (subject = 'ELIGIBILITY' and subject_id = 'RECHARGE ' || %(recharge)s)
                    or (subject = 'CREDIT' and subject_id in (
                        select promised.grant_key
                        from ledger.credit_obligations as promised
                        where promised.subscriber_id = %(subscriber)s and promised.recharge_id = %(recharge)s
                            and promised.promised_for = 'RECHARGE'
                    ))
            when is_current then is_last and is_past
            when %(on)s::date is null then subject <> 'ELIGIBILITY' or is_no
            when subject = 'DATA_GIFT' then subject_id = to_char(%(on)s::date, 'YYYY-MM')
            else event_on = %(on)s::date
        end
    order by not is_current, case when subject = 'CREDIT' then 1 else 0 end, campaign_id,
        case when subject = 'CREDIT' then subject_id end, business_date, subject, subject_id, attempt_no, step_no
"""
_FEEDS = """
    select feed, count(*) as files, max(business_date) as last_date
    from raw.delivery
    where state = 'LOADED' and delivery_no not in (select delivery_no from raw.withdrawal)
    group by feed
    order by feed
"""


class _Rule(NamedTuple):
    """One row of `_REASONS`."""

    campaign_id: str
    event_on: date
    subject: str
    subject_id: str | None
    step_no: int
    rule: str
    rule_no: str
    input: str | None
    outcome: str
    reason: str | None
    terms_version: str
    source_file: str | None
    source_line: int | None
    business_date: date
    attempt_no: int
    is_released: bool

    @property
    def decision(self) -> tuple[object, ...]:
        """What the rules of one decision have in common; a credit's life goes through many runs."""
        run = () if self.subject == "CREDIT" else (self.business_date, self.attempt_no)
        return (self.campaign_id, self.subject, self.subject_id, *run)

    @property
    def source(self) -> str:
        """File and line as people look them up."""
        return f"{self.source_file} line {self.source_line}" if self.source_file else ""


def main(warehouse: str, variables: Mapping[str, str]) -> int:
    """Explain SUBSCRIBER, ON a date or for a RECHARGE; return the exit code: 1 where there is nothing to explain.

    Raises UsageError when a variable cannot be read.
    """
    subscriber = variables.get("SUBSCRIBER", "").strip()
    if not subscriber:
        raise UsageError("SUBSCRIBER: expected a subscriber_id, such as make why SUBSCRIBER=808600000266 ON=2026-02-01")
    on, recharge = date_of(variables, "ON"), variables.get("RECHARGE") or None
    try:
        with connect(warehouse) as conn:
            return _explain(conn, subscriber, on, recharge)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        say("nothing has been decided in this warehouse yet: close a date first (make run)", wrong=True)
        return 1


def _explain(conn: psycopg.Connection, subscriber: str, on: date | None, recharge: str | None) -> int:
    asked = {"subscriber": subscriber, "on": on, "recharge": recharge}
    rules = [_Rule(*row) for row in conn.execute(_REASONS, asked)]
    known = conn.execute(
        "select state_on, source_file, source_line from intermediate.int_subscriber__history "
        "where subscriber_id = %s and is_present order by state_on desc, revision desc limit 1",
        (subscriber,),
    ).fetchone()
    if known is None:
        _say_unknown(conn, subscriber)
    else:
        say(f"{subscriber}: last changed in the snapshot of {known[0]}, {known[1]} line {known[2]}")
    if not rules:
        what = f"recharge {recharge}" if recharge else f"anything up to {on}" if on else "anything"
        say(f"{subscriber}: {what} was not decided in this warehouse", wrong=True)
        return 1
    for _, block in groupby(rules, lambda rule: rule.decision):
        _say_block(list(block), on)
    return 0


def _say_block(block: list[_Rule], on: date | None) -> None:
    last = block[-1]
    sources = {rule.source for rule in block}
    title = [f"{last.campaign_id}  {' '.join(filter(None, (last.subject, last.subject_id)))}, {last.event_on}"]
    if last.subject == "ELIGIBILITY" and last.subject_id is None and on is not None and on != last.event_on:
        title.append(f"in force on {on}: nothing has changed the answer since")
    title.append(f"terms {last.terms_version}")
    title.append(f"run closing {last.business_date}{'' if last.is_released else ', not released yet'}")
    if len(sources) == 1 and last.source:
        title.append(last.source)
    names = ["step", "rules", "rule", "outcome", "input", "source"]
    rows = [(rule.step_no, rule.rule_no, rule.rule, _outcome(rule), rule.input, rule.source) for rule in block]
    shown = len(names) - (len(sources) == 1)
    say_table("; ".join(title), names[:shown], [row[:shown] for row in rows])


def _outcome(rule: _Rule) -> str:
    if rule.reason is None or rule.reason == rule.outcome:
        return rule.outcome
    return f"{rule.outcome} ({rule.reason})"


def _say_unknown(conn: psycopg.Connection, subscriber: str) -> None:
    say(f"{subscriber}: UNKNOWN: no delivery of the feed subscriber has ever listed it. Asked were:")
    say_table("Feeds ingested", ["feed", "files", "last_date"], conn.execute(_FEEDS).fetchall())
