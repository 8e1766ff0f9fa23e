"""The kinds of manual override. Each is a declaration in `KINDS`: its fields, how many people it needs, and its
judgement.

To add a kind: a judgement (a function of the warehouse that says why it makes no sense, or None), one entry in `KINDS`,
and a column of `raw.manual_override` for each new field. Command line, two people, chain, receipts and
`raw.manual_override` follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from laoyouhui.config.settings import Settings
    from laoyouhui.pipeline.journal import Journal

Fields = Mapping[str, str | int]


class Mistake(NamedTuple):
    """Why an override makes no sense: a reason for the list, a detail for the reader."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Target:
    """A field of a kind: its name (also the column of `raw.manual_override`), and how the command line asks for it."""

    name: str
    metavar: str
    help: str
    type: type[str] | type[int] = str
    option: str | None = None  # such as `--row`: may be left out; else by its place


@dataclass(frozen=True)
class OverrideKind:
    """A kind of override. `needs_two`: another person has to confirm it, since it moves money or opens a gate.

    `judge(conn, fields, business_date)` says why it makes no sense in the run of a date (`date.max`: now); it may look
    at what dbt decides, unless `before_any_date`: such an override can be asked for in an empty warehouse. `keep`
    stores beside the chain what the override is about when it is requested, or says why it cannot. `complete(conn,
    fields)` adds what the warehouse knows at the request; `apply(conn, override, fields)` does what an accepted one
    does besides its row in `raw.manual_override`.
    """

    name: str
    help: str
    targets: tuple[Target, ...]
    judge: Callable[[psycopg.Connection, Fields, date], Mistake | None]
    needs_two: bool = True
    before_any_date: bool = False
    keep: Callable[[Settings, Journal, psycopg.Connection, Fields], Mistake | None] | None = None
    complete: Callable[[psycopg.Connection, Fields], dict[str, str | int]] = lambda _, fields: dict(fields)
    apply: Callable[[psycopg.Connection, str, Fields], None] = lambda *_: None

    @property
    def command(self) -> str:
        """The word of the command line: `give-up` for GIVE_UP."""
        return self.name.lower().replace("_", "-")


def _judge_asking_again(conn: psycopg.Connection, fields: Fields, _: date) -> Mistake | None:
    return _judge_dispatch(conn, fields, gives_up=False)


def _judge_giving_up(conn: psycopg.Connection, fields: Fields, _: date) -> Mistake | None:
    return _judge_dispatch(conn, fields, gives_up=True)


def _judge_dispatch(conn: psycopg.Connection, fields: Fields, *, gives_up: bool) -> Mistake | None:
    file_stem, row_key = fields["file_stem"], fields.get("row_key")
    states = conn.execute(
        "select state, is_open, count(*) from ledger.dispatches "
        "where file_stem = %(file)s and "
        "(%(row)s::text is null or answer_key = %(row)s) group by state, is_open order by state, is_open",
        {"file": file_stem, "row": row_key},
    ).fetchall()
    if not states:
        if row_key is not None:
            return Mistake("UNKNOWN_ROW", f"no file {file_stem} with a row {row_key} has left")
        return Mistake("UNKNOWN_FILE", f"no file {file_stem} has left: see marts.outbox_by_file")
    # a file that is answered is judged row by row: name the rows that are still open
    open_states = {"UNANSWERED", "ASKED_AGAIN"} if row_key is None else {"UNANSWERED", "ASKED_AGAIN", "REFUSED"}
    if row_key is not None and gives_up:
        open_states.add("RETRY")
    if not gives_up:
        open_states.discard("ASKED_AGAIN")
    if any(is_open and state in open_states for state, is_open, _ in states):
        return None
    found = ", ".join(f"{count} {state}{'' if is_open else ' and settled'}" for state, is_open, count in states)
    return Mistake("NOT_OPEN", f"nothing of it waits for a manual override ({found}): see ledger.dispatches")


def _judge_choice(conn: psycopg.Connection, fields: Fields, business_date: date) -> Mistake | None:
    recharge_id, file, line = fields["recharge_id"], fields["source_file"], fields["source_line"]
    dispute = conn.execute(
        "select is_open from intermediate.int_recharge__disputes where recharge_id = %s and found_on < %s",
        (recharge_id, business_date),
    ).fetchone()
    if dispute is None:
        return Mistake(
            "NO_CONFLICT", f"recharge {recharge_id} is in no conflict: see marts.exceptions, RECHARGE_CONFLICT"
        )
    if not dispute[0]:
        return Mistake("CHOSEN", f"a row of recharge {recharge_id} was chosen already: a choice is final")
    row = {"recharge": recharge_id, "file": file, "line": line}
    chosen = conn.execute(
        "select 1 from intermediate.int_recharge__events "
        "where recharge_id = %(recharge)s and source_file = %(file)s and source_line = %(line)s",
        row,
    ).fetchone()
    if chosen is None:
        return Mistake(
            "UNKNOWN_ROW",
            f"{file} line {line} is no row of recharge {recharge_id}: "
            "expected a file and line of marts.exceptions, RECHARGE_CONFLICT",
        )
    settled = conn.execute(
        "select source_file, source_line from ledger.recharge_decisions "
        "where recharge_id = %(recharge)s and reason = 'GRANTED' "
        "union all select source_file, source_line from intermediate.int_recharge__reversals "
        "where reversal_id = %(recharge)s",
        row,
    ).fetchall()
    if any(each != (file, line) for each in settled):
        return Mistake(
            "SETTLED",
            f"{settled[0][0]} line {settled[0][1]} was decided before the other row came, and decisions are final: "
            "choose it, and let the carrier reverse it and deliver the true one under an id of its own",
        )
    return None


def _judge_waiver(conn: psycopg.Connection, fields: Fields, _: date) -> Mistake | None:
    line = conn.execute(
        "select lines.is_ready, lines.is_met, launches.starts_on from intermediate.int_readiness__lines as lines "
        # a launch that was not released is judged again
        "left join (intermediate.int_campaign__launches as launches join raw.run as runs "
        "on runs.business_date = launches.business_date and runs.attempts_released >= launches.attempt_no) "
        "using (campaign_id) where lines.line = %s",
        (fields["readiness_line"],),
    ).fetchone()
    if line is None:
        return Mistake(
            "UNKNOWN_LINE", f"nothing called {fields['readiness_line']} has to be ready: see marts.readiness"
        )
    is_ready, is_met, launched_for = line
    if launched_for is not None:
        return Mistake("LAUNCHED", f"the campaign was launched for {launched_for}: nothing waits for the line")
    if is_ready:
        return Mistake("NOT_OPEN", f"{fields['readiness_line']} is {'met' if is_met else 'waived already'}")
    return None


def _judge_closing(conn: psycopg.Connection, fields: Fields, business_date: date) -> Mistake | None:
    try:
        day = date.fromisoformat(str(fields["business_date"]))
    except ValueError:
        return Mistake("DATE", f"{fields['business_date']} is no date: expected one such as 2026-02-01")
    is_begun = conn.execute("select from raw.run where business_date = %s", (day,)).fetchone() is not None
    if is_begun and business_date == date.max:
        return Mistake("NOT_OPEN", f"{day} was begun already: run it again without a manual override")
    return None


def _judge_accepting(conn: psycopg.Connection, fields: Fields, business_date: date) -> Mistake | None:
    if business_date != date.max:
        return None  # it counted when it was requested: see `accept_alerts`
    alert = conn.execute(
        "select accepted_by from raw.alert where alert_key = %s and closed_at is null", (fields["alert_key"],)
    ).fetchone()
    if alert is None:
        return Mistake("UNKNOWN_ALERT", f"no alert {fields['alert_key']} is open: see raw.alert")
    if alert[0] is not None:
        return Mistake("NOT_OPEN", f"alert {fields['alert_key']} was accepted by {alert[0]}")
    return None


def _judge_change(conn: psycopg.Connection, fields: Fields, business_date: date) -> Mistake | None:
    from laoyouhui.pipeline.campaign_files import judge_change

    return judge_change(conn, fields, business_date)


def _keep_change(settings: Settings, journal: Journal, conn: psycopg.Connection, fields: Fields) -> Mistake | None:
    from laoyouhui.pipeline.campaign_files import keep_change

    return keep_change(settings, journal, conn, fields)


def _judge_release(conn: psycopg.Connection, fields: Fields, business_date: date) -> Mistake | None:
    row = conn.execute(
        "select business_date::text from raw.run where business_date::text = %s", (fields["business_date"],)
    ).fetchone()
    if row is None and business_date == date.max:
        return Mistake("DATE", f"{fields['business_date']} was not begun: expected the date that was refused")
    return None


# the deliveries of a name that stand, up to the one that was seen as it was asked for; those after it are others
_MEANT = sql.SQL(
    "from raw.delivery as meant where meant.feed = %(feed)s and meant.file_name = %(source_file)s "
    "and meant.state = 'LOADED' "
    "and not exists (select from raw.withdrawal where withdrawal.delivery_no = meant.delivery_no) "
    "and (%(check_line)s::text is null or meant.delivery_no <= (select max(seen.delivery_no) from raw.delivery as seen "
    "where seen.feed = meant.feed and seen.file_name = meant.file_name and seen.check_line = %(check_line)s))"
)


def _named(fields: Fields) -> dict[str, str | int | None]:
    return {name: fields.get(name) for name in ("feed", "source_file", "check_line")}


def _with_check_line(conn: psycopg.Connection, fields: Fields) -> dict[str, str | int]:
    """The fields with the check line of the last delivery that counts under the name."""
    found = conn.execute(
        sql.SQL("select meant.check_line {} order by meant.delivery_no desc limit 1").format(_MEANT), _named(fields)
    ).fetchone()
    return {"check_line": found[0], **fields} if found else dict(fields)


def _judge_withdrawal(conn: psycopg.Connection, fields: Fields, _: date) -> Mistake | None:
    name = fields["source_file"]
    if conn.execute(sql.SQL("select true {}").format(_MEANT), _named(fields)).fetchone():
        return _judge_what_came_since(conn, fields)
    told = conn.execute(
        "select state, reason, withdrawn_on from raw.delivery as taken left join raw.withdrawal using (delivery_no) "
        "where taken.feed = %(feed)s and taken.file_name = %(source_file)s order by delivery_no desc limit 1",
        _named(fields),
    ).fetchone()
    if told is None:
        return Mistake("UNKNOWN_FILE", f"no file {name} of the feed {fields['feed']} came: see marts.intake_by_file")
    state, reason, withdrawn_on = told
    if state == "SET_ASIDE":
        return Mistake("NOT_LOADED", f"{name} was quarantined ({reason}): none of its rows counts")
    if withdrawn_on is None:
        return Mistake("GONE", f"another delivery lies under the name {name}: the one that was seen was not ingested")
    return Mistake("WITHDRAWN", f"{name} was withdrawn in the run of {withdrawn_on} already")


def _judge_what_came_since(conn: psycopg.Connection, fields: Fields) -> Mistake | None:
    later = conn.execute(
        sql.SQL(
            "select later.received_on from raw.delivery as later join raw.run on run.business_date = later.received_on "
            "where later.feed = %(feed)s and later.file_name = %(source_file)s and later.state = 'LOADED' "
            "and later.attempt_no <= run.attempts_released "
            "and later.delivery_no > (select max(meant.delivery_no) {}) order by later.delivery_no limit 1"
        ).format(_MEANT),
        _named(fields),
    ).fetchone()
    if later is None:
        return None
    return Mistake(
        "DELIVERED_AGAIN",
        f"{fields['source_file']} was delivered again and ingested by the run of {later[0]}, after this was asked for: "
        "ask again, for all that came under the name",
    )


def _withdraw(conn: psycopg.Connection, override: str, fields: Fields) -> None:
    """Note the deliveries that are withdrawn, with the open attempt: the first without their rows."""
    conn.execute(
        sql.SQL(
            "insert into raw.withdrawal (delivery_no, override_no, withdrawn_on, attempt_no, "
            "feed, file_name, business_date, seq, rows_loaded, withdrawal_reason, revision) "
            "select meant.delivery_no, manual_override.override_no, run.business_date, run.attempt_no, "
            "meant.feed, meant.file_name, meant.business_date, meant.seq, meant.rows_loaded, "
            "'WITHDRAWN by ' || manual_override.requested_by || ' at ' "
            "|| to_char(manual_override.requested_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') "
            "|| ': ' || manual_override.justification, "
            "(select max(number) from (select max(delivery_no) from raw.delivery union all "
            "select max(revision) from raw.withdrawal) as numbers (number)) "
            "+ row_number() over (order by meant.delivery_no) "
            "from raw.current_run as run, raw.manual_override, lateral (select meant.* {}) as meant "
            "where manual_override.file_name = %(override)s"
        ).format(_MEANT),
        {**_named(fields), "override": override},
    )


_FILE = Target("file_stem", "FILE", "name of a file in out/, such as credit_..._0001")
_ROW = Target("row_key", "KEY", "one row of it: grant_key, message_key, ...", option="--row")

KINDS: Mapping[str, OverrideKind] = {
    kind.name: kind
    for kind in (
        # the same keys again: the carrier refuses what it has accepted, so nothing is paid twice
        OverrideKind(
            "ASK_AGAIN", "send again what is not answered", (_FILE, _ROW), _judge_asking_again, needs_two=False
        ),
        OverrideKind("GIVE_UP", "end what is owed or committed", (_FILE, _ROW), _judge_giving_up),
        OverrideKind(
            "CHOOSE",
            "choose a row of a recharge in conflict",
            (
                Target("recharge_id", "RECHARGE", "item_key of marts.exceptions"),
                Target("source_file", "FILE", "source_file of marts.exceptions"),
                Target("source_line", "LINE", "source_line of marts.exceptions", type=int),
            ),
            _judge_choice,
        ),
        OverrideKind(
            "WAIVE",
            "let the campaign be launched without a line that is not ready",
            (Target("readiness_line", "LINE", "line of marts.readiness, such as lyh2026/STOCK/POSTER"),),
            _judge_waiver,
        ),
        OverrideKind(
            "CLOSE_DATE",
            "close a date that is not over, or that leaves a gap",
            (Target("business_date", "DATE", "the business date, such as 2026-02-01"),),
            _judge_closing,
            before_any_date=True,
        ),
        OverrideKind(
            "ACCEPT_ALERT",
            "take note of an alert that nobody can resolve: it no longer counts as open",
            (Target("alert_key", "KEY", "alert_key of raw.alert"),),
            _judge_accepting,
            needs_two=False,
            before_any_date=True,
        ),
        # read by `accept_campaigns` when a run begins, before the terms are
        OverrideKind(
            "CHANGE_CAMPAIGN",
            "have a campaign file that was changed after the launch accepted as it is",
            (
                Target("campaign_id", "CAMPAIGN", "the campaign, such as lyh2026"),
                Target("file_sha256", "SHA256", "sha256 of its file as it is to be accepted"),
            ),
            _judge_change,
            before_any_date=True,
            keep=_keep_change,
        ),
        OverrideKind(
            "RELEASE_ABOVE_LIMIT",
            "release a date that pays more than the campaign's limits",
            (
                Target("business_date", "DATE", "the business date, such as 2026-02-01"),
                Target("amount_fen", "FEN", "what the day pays in credits, as the refusal says it", type=int),
            ),
            _judge_release,
        ),
        OverrideKind(
            "WITHDRAW",
            "withdraw a delivery: its rows stop counting",
            (
                Target("feed", "FEED", "feed of marts.intake_by_file, such as recharge"),
                Target("source_file", "FILE", "file_name of marts.intake_by_file"),
                Target("check_line", "LINE", "its check line, where not the last one is meant", option="--check-line"),
            ),
            _judge_withdrawal,
            before_any_date=True,
            complete=_with_check_line,
            apply=_withdraw,
        ),
    )
}
