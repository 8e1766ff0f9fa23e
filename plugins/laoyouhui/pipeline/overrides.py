"""Manual overrides: requested by one person, confirmed by another, kept in the journal, ingested by the next run.

    python -m laoyouhui.pipeline.overrides ask-again credit_lyh2026_20260204_0001 --by "Zhang San" --why "no answer"
    python -m laoyouhui.pipeline.overrides give-up credit_lyh2026_20260204_0001 --row <key> --by ... --why ...
    python -m laoyouhui.pipeline.overrides choose <recharge id> recharge_20260131_0001.txt 7 --by ... --why ...
    python -m laoyouhui.pipeline.overrides waive lyh2026/STOCK/POSTER/H010001 --by ... --why ...
    python -m laoyouhui.pipeline.overrides withdraw recharge recharge_20260131_0001.txt --by ... --why ...
    python -m laoyouhui.pipeline.overrides confirm 000007-1a2b3c4d5e6f --by "Li Si"
    python -m laoyouhui.pipeline.overrides pending

docs/manual-overrides.md says which to use when, and what follows; `override_kinds.py` declares the kinds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.people import People, Right, name_key
from laoyouhui.config.settings import Settings
from laoyouhui.config.text import is_safe, safe_text, without_numbers
from laoyouhui.pipeline.campaign_files import exists, running_campaigns
from laoyouhui.pipeline.journal import Entry, Journal, JournalError, Receipts, verify_chain
from laoyouhui.pipeline.override_kinds import KINDS, Mistake, OverrideKind
from laoyouhui.warehouse.connection import RunningError, connect, lock_warehouse
from laoyouhui.warehouse.prepare import create_schema, is_of_another_release
from laoyouhui.warehouse.roles import work_as, working_as

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_ASK, _CONFIRM = "ASK", "CONFIRM"
_COLUMNS = tuple(dict.fromkeys(target.name for kind in KINDS.values() for target in kind.targets))


def _plain(text: str) -> str:
    if not is_safe(text):
        raise ValueError(f"expected text in one line without control or invisible characters, not {safe_text(text)}")
    return text


# one line of printable text: the ledger shows it as a reason
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_plain)]


class OverrideError(Exception):
    """An invalid override; the message says why and what to do."""


class OverrideRequest(BaseModel):
    """What is asked for. `fields` are those of its kind, such as `row_key`: without it, the whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    # entries of the journal, which are kept for good, name these three as its first release did
    requested_by: Line = Field(validation_alias=AliasChoices("requested_by", "said_by"), serialization_alias="said_by")
    requested_at: AwareDatetime = Field(
        validation_alias=AliasChoices("requested_at", "said_at"), serialization_alias="said_at"
    )
    justification: Line = Field(validation_alias=AliasChoices("justification", "why"), serialization_alias="why")
    fields: dict[str, Line | int]

    @field_validator("kind")
    @classmethod
    def _is_declared(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"expected one of {', '.join(KINDS)}")
        return kind

    @model_validator(mode="after")
    def _has_its_target(self) -> OverrideRequest:
        targets = {target.name: target for target in KINDS[self.kind].targets}
        needed = {name for name, target in targets.items() if target.option is None}
        wrong = [
            name for name, value in self.fields.items() if name in targets and type(value) is not targets[name].type
        ]
        if wrong or not needed <= self.fields.keys() <= targets.keys():
            raise ValueError(f"{self.kind} names {sorted(self.fields)}: expected {sorted(needed)}")
        return self

    @property
    def needs_two(self) -> bool:
        """Whether another person has to confirm it."""
        return KINDS[self.kind].needs_two

    def __str__(self) -> str:
        kind = KINDS[self.kind]
        given = ((target, self.fields[target.name]) for target in kind.targets if target.name in self.fields)
        return " ".join([kind.command, *(f"{t.option} {value}" if t.option else str(value) for t, value in given)])


class _Confirmation(BaseModel):
    """That somebody confirms an override."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    override: Line
    by: Line
    at: AwareDatetime


@dataclass(frozen=True)
class Override:
    """An override as the journal keeps it: the entry that asks, and the one that confirms where there is one."""

    request: OverrideRequest
    requested_in: Entry
    confirmed: _Confirmation | None = None
    confirmed_in: Entry | None = None

    @property
    def name(self) -> str:
        """What people call it: the name of the entry that asks."""
        return self.requested_in.name

    @property
    def counts_by(self) -> Entry | None:
        """The entry by which it counts; None while a second person is needed and has not confirmed."""
        return self.confirmed_in if self.request.needs_two else self.requested_in

    @property
    def key(self) -> tuple[str, ...]:
        """What a run's receipt says of it."""
        return ("word", self.name, self.counts_by.sha256 if self.counts_by else "")

    def expires_at(self, people: People) -> datetime:
        """When it counts for nothing any more unless it was confirmed."""
        return self.request.requested_at + timedelta(days=people.confirm_within_days)


@dataclass(frozen=True)
class OverridesReport:
    """How many overrides one run loaded, how many it quarantined, how many wait for a second person."""

    loaded: int
    quarantined: int
    pending: int


# --- for other steps -------------------------------------------------------------------------------------------------


def read_overrides(journal: Journal) -> list[Override]:
    """Every override of the journal, in the order in which they were asked for. JournalError where the chain breaks."""
    found: dict[str, Override] = {}
    for entry in journal.entries():
        says = dict(entry.says)
        what = says.pop("entry", None)
        try:
            if what == _ASK:
                found[entry.name] = Override(OverrideRequest.model_validate_json(_json(says)), entry)
            elif what == _CONFIRM:
                confirmation = _Confirmation.model_validate_json(_json(says))
                asked = found[confirmation.override]
                if asked.confirmed is None:
                    found[asked.name] = Override(asked.request, asked.requested_in, confirmation, entry)
        except (ValidationError, KeyError) as error:
            detail = _describe(error) if isinstance(error, ValidationError) else f"no override {error}"
            raise JournalError(
                f"journal {journal.folder / 'overrides'}: entry {entry.no} says what no command writes ({detail}): "
                "restore the journal from a copy"
            ) from error
    return list(found.values())


def confirmed_overrides(journal: Journal, people: People, kind: str) -> list[Override]:
    """The overrides of a kind that count now: asked for and, where it needs two, confirmed, by people who may.

    For a step that must know before `ingest` has read them; a run decides by those in `raw.manual_override`, which have
    `received_on`, the first run after the confirmation.
    """
    return [
        each
        for each in read_overrides(journal)
        if each.request.kind == kind and each.counts_by is not None and mistaken_people(people, each) is None
    ]


def loaded_overrides(conn: psycopg.Connection, kind: str) -> list[dict[str, Any]]:
    """The rows of `raw.manual_override` of a kind that count as of this run, in the order in which they came to
    count."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from raw.manual_override where kind = %s and state = 'LOADED' order by override_no", (kind,)
        ).fetchall()


# --- what people say -------------------------------------------------------------------------------------------------


def request_override(settings: Settings, request: OverrideRequest) -> str:
    """Request an override; give its name. Raises OverrideError when it makes no sense now, or the requester may not."""
    with _journal_locked(settings) as (journal, people, conn):
        if not KINDS[request.kind].before_any_date and not exists(conn, "ledger.dispatches"):
            raise OverrideError("no date was closed in this warehouse: there is nothing to override yet")
        requested_by, fields = (
            _declared(people, request.requested_by, "ask", settings),
            KINDS[request.kind].complete(conn, request.fields),
        )
        request = request.model_copy(update={"requested_by": requested_by, "fields": fields})
        _refuse(_unfit_reason(conn, request.justification))
        _refuse(_judge(conn, request, date.max))
        known = {row[0] for row in conn.execute("select file_name from raw.manual_override")}
        for other in read_overrides(journal):
            same = (other.request.kind, other.request.fields) == (request.kind, request.fields)
            if not same or other.name in known:
                continue
            if other.counts_by is not None:
                raise OverrideError(f"ALREADY_SAID: {other.name} says the same and waits for the next run")
            if request.requested_at <= other.expires_at(people):
                raise OverrideError(
                    f"ALREADY_SAID: {other.name} says the same and waits for a second person: confirm it"
                )
        keep = KINDS[request.kind].keep
        if keep is not None:
            _refuse(keep(settings, journal, conn, request.fields))
        entry = journal.add({"entry": _ASK, **request.model_dump(mode="json", by_alias=True)})
        verify_chain(conn, journal)
        with working_as(conn, "watch"):
            accept_alerts(conn, people, [Override(request, entry)])
        return entry.name


def confirm(settings: Settings, name: str, by: str, at: datetime) -> Override:
    """Confirm an override that another person has asked for. Raises OverrideError when it cannot be confirmed now."""
    with _journal_locked(settings) as (journal, people, conn):
        asked = next((each for each in read_overrides(journal) if each.name == name.strip()), None)
        if asked is None:
            raise OverrideError(f"UNKNOWN_OVERRIDE: nothing called {safe_text(name)} was asked for: see `pending`")
        if not asked.request.needs_two:
            raise OverrideError(f"NOT_NEEDED: {asked.name} ({asked.request}) needs one person only")
        if asked.confirmed is not None:
            raise OverrideError(f"CONFIRMED: {asked.name} was confirmed by {asked.confirmed.by}")
        says = _Confirmation(override=asked.name, by=_declared(people, by, "confirm", settings), at=at)
        _refuse(
            mistaken_people(people, Override(asked.request, asked.requested_in, says))
            or _judge(conn, asked.request, date.max)
        )
        entry = journal.add({"entry": _CONFIRM, **says.model_dump(mode="json")})
        verify_chain(conn, journal)
        return Override(asked.request, asked.requested_in, says, entry)


def pending(settings: Settings, at: datetime) -> list[Override]:
    """The overrides that wait for a second person at an instant, the oldest first."""
    with connect(settings.warehouse_dsn) as conn:
        campaign = running_campaigns(settings, conn)[0]
    return [each for each in read_overrides(Journal(settings, campaign)) if _is_pending(campaign.people, each, at)]


@contextmanager
def _journal_locked(settings: Settings) -> Iterator[tuple[Journal, People, psycopg.Connection]]:
    """Lock the journal from the check of an override until it is written: one person at a time."""
    with connect(settings.warehouse_dsn) as conn:
        of_another = is_of_another_release(conn)
        conn.commit()  # no lock is held while another session upgrades
        if of_another:
            with connect(settings.warehouse_dsn, autocommit=True) as upgrading:
                lock_warehouse(upgrading, "override", datetime.now(_SHANGHAI).date())
        elif not exists(conn, "raw.journal_entry"):
            create_schema(conn)
        work_as(conn, "ingest")
        campaign = running_campaigns(settings, conn)[0]  # by the accepted content, which declares the people
        journal = Journal(settings, campaign)
        with journal.locked():
            verify_chain(conn, journal)
            yield journal, campaign.people, conn


def _declared(people: People, name: str, right: Right, settings: Settings) -> str:
    """The person's name as it is declared. Raises OverrideError where it is not, or where the person may not do
    this."""
    person = people.find(name)
    if person is None:
        raise OverrideError(
            f"NOT_DECLARED: {safe_text(name)} is not declared: add name, role and what the person may do to "
            f"`people` of {settings.campaign_files[0]} (docs/manual-overrides.md)"
        )
    if right not in person.may:
        raise OverrideError(
            f"MAY_NOT_{right.upper()}: {person.name} ({person.role}) may {', '.join(person.may)} only, as "
            f"{settings.campaign_files[0]} declares"
        )
    return person.name


def _unfit_reason(conn: psycopg.Connection, why: str) -> Mistake | None:
    """Why a reason cannot be kept: it is shown in lists, alerts and the report, which hold no number and no secret."""
    what = None
    if without_numbers(why) != why:
        what = "a phone number"
    elif conn.execute("select from vault.secret where strpos(%s, secret) > 0 limit 1", (why,)).fetchone():
        what = "a secret of the vault"
    return Mistake("WHY", f"the reason holds {what}, and is shown to many: name ids instead") if what else None


def _refuse(mistake: Mistake | None) -> None:
    if mistake:
        raise OverrideError(f"{mistake.reason}: {mistake.detail}")


def mistaken_people(people: People, override: Override) -> Mistake | None:
    """Why its requester, or its confirmer, is not entitled; None if they are."""
    said = [(override.request.requested_by, "ask")]
    if override.request.needs_two and override.confirmed is not None:
        said.append((override.confirmed.by, "confirm"))
        if name_key(override.request.requested_by) == name_key(override.confirmed.by):
            return Mistake("SAME_PERSON", f"{override.confirmed.by} asked for it: another person has to confirm")
        if override.confirmed.at > override.expires_at(people):
            return Mistake(
                "TIMED_OUT",
                f"it was asked for at {override.request.requested_at:%Y-%m-%d %H:%M} and not confirmed within "
                f"{people.confirm_within_days} days: ask again",
            )
    for name, right in said:
        person = people.find(name)
        if person is None or right not in person.may:
            return Mistake("NOT_DECLARED", f"{name} is not declared as a person who may {right}")
    return None


def _is_pending(people: People, override: Override, at: datetime) -> bool:
    return override.counts_by is None and at <= override.expires_at(people)


def _judge(conn: psycopg.Connection, request: OverrideRequest, business_date: date) -> Mistake | None:
    """Why an override makes no sense in the run of a date; None if it is valid."""
    kind = KINDS[request.kind]
    if not kind.before_any_date and not exists(conn, "ledger.dispatches"):
        return Mistake("UNKNOWN_FILE", "no date was closed in this warehouse: there is nothing to override yet")
    return kind.judge(conn, request.fields, business_date)


# --- the run ---------------------------------------------------------------------------------------------------------


def ingest_overrides(
    conn: psycopg.Connection, journal: Journal, people: People, receipts: Receipts, business_date: date
) -> OverridesReport:
    """Ingest the overrides that count and that no run has read: from this date on they count, for good.

    Those that no longer apply are quarantined (SET_ASIDE) with a reason: the world may have changed since the request.
    Those that wait for a second person are listed in `raw.pending_override`. Works inside the caller's transaction,
    after the answers were read. Raises JournalError where the journal does not hold what was read before.
    """
    overrides = read_overrides(journal)
    _hold_against_what_was_read(conn, journal, overrides, receipts)
    known = {row[0] for row in conn.execute("select file_name from raw.manual_override")}
    loaded = quarantined = 0
    counting = [(each.counts_by.no, each) for each in overrides if each.counts_by is not None]
    for _, override in sorted(counting, key=lambda pair: pair[0]):
        if override.name in known or not receipts.allow(override.key):
            continue
        mistake = mistaken_people(people, override) or _judge(conn, override.request, business_date)
        store(conn, override, mistake, business_date)
        if mistake is None:
            KINDS[override.request.kind].apply(conn, override.name, override.request.fields)
        loaded += mistake is None
        quarantined += mistake is not None
    return OverridesReport(loaded, quarantined, note_pending(conn, people, overrides))


def note_pending(conn: psycopg.Connection, people: People, overrides: Sequence[Override]) -> int:
    """List in `raw.pending_override` the overrides that wait for a second person; give their number."""
    waiting = [each for each in overrides if each.counts_by is None]
    conn.execute("delete from raw.pending_override")
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.pending_override "
            "(override, kind, says, requested_by, requested_at, justification, expires_at) "
            "values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    each.name,
                    request.kind,
                    str(request),
                    request.requested_by,
                    request.requested_at,
                    request.justification,
                    each.expires_at(people),
                )
                for each in waiting
                for request in (each.request,)
            ],
        )
    return len(waiting)


def accept_alerts(conn: psycopg.Connection, people: People, overrides: Sequence[Override]) -> None:
    """Mark alerts as accepted that an entitled person has accepted while they were open."""
    for each in overrides:
        request = each.request
        if request.kind == "ACCEPT_ALERT" and mistaken_people(people, each) is None:
            conn.execute(
                "update raw.alert set accepted_at = %s, accepted_by = %s, accepted_justification = %s, "
                "accepted_override = %s "
                "where alert_key = %s and closed_at is null and accepted_at is null and raised_at <= %s",
                (
                    request.requested_at,
                    request.requested_by,
                    request.justification,
                    each.name,
                    request.fields["alert_key"],
                    request.requested_at,
                ),
            )


def take_back_alerts(conn: psycopg.Connection, overrides: Sequence[Override]) -> int:
    """Reopen accepted alerts without a matching override; give their number."""
    said = [
        (each.name, request.requested_by, str(request.fields["alert_key"]))
        for each in overrides
        for request in (each.request,)
        if request.kind == "ACCEPT_ALERT"
    ]
    return conn.execute(
        "update raw.alert set accepted_at = null, accepted_by = null, accepted_justification = null, "
        "accepted_override = null "
        "where closed_at is null and accepted_at is not null and (accepted_override, accepted_by, alert_key) not in "
        "(select * from unnest(%s::text[], %s::text[], %s::text[]))",
        tuple(list(column) for column in zip(*said, strict=True)) or ([], [], []),
    ).rowcount


def store(conn: psycopg.Connection, override: Override, mistake: Mistake | None, business_date: date) -> None:
    """Keep in `raw.manual_override` an override that counts, or why it does not."""
    row = _said(override) | {
        "state": "SET_ASIDE" if mistake else "LOADED",
        "reason": mistake and mistake.reason,
        "detail": mistake and mistake.detail,
        "received_on": business_date,
    }
    conn.execute(
        sql.SQL("insert into raw.manual_override ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(map(sql.Placeholder, row))
        ),
        row,
    )


def _said(override: Override) -> dict[str, Any]:
    """What the journal says of an override that counts, as `raw.manual_override` keeps it."""
    request, confirmed = override.request, override.confirmed if override.request.needs_two else None
    return {
        "file_name": override.name,
        "entry_sha256": override.counts_by.sha256 if override.counts_by else None,
        "kind": request.kind,
        "requested_by": request.requested_by,
        "requested_at": request.requested_at,
        "justification": request.justification,
        "confirmed_by": confirmed.by if confirmed else None,
        "confirmed_at": confirmed.at if confirmed else None,
        **{column: request.fields.get(column) for column in _COLUMNS},
    }


def _hold_against_what_was_read(
    conn: psycopg.Connection, journal: Journal, overrides: Sequence[Override], receipts: Receipts
) -> None:
    """What was read once is in the journal as it was read, and in `raw.manual_override` as the journal says it.

    Rows that e527328 read have no entry, and exist only in an upgraded warehouse: none can be added since.
    """
    by_name = {each.name: each for each in overrides}
    older = {row[0] for row in conn.execute("select file_name from raw.manual_override where entry_sha256 is null")}
    place = f"journal {journal.folder}"
    for key, day in receipts.dates.items():
        if key[0] != "word" or (len(key) == 2 and key[1] in older):
            continue
        if len(key) < 3 or key[1] not in by_name or by_name[key[1]].key != key:
            raise JournalError(
                f"{place}: the run of {day} read the override {key[1]}, which the journal does not hold as it was "
                "read: overrides are never edited or taken away: restore the journal from a copy"
            )
    with conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(
            "select * from raw.manual_override where entry_sha256 is not null order by override_no"
        ):
            override = by_name.get(row["file_name"])
            said = _said(override) if override else {}
            wrong = [name for name, value in said.items() if row[name] != value]
            if override is None or wrong:
                detail = (
                    f"raw.manual_override says otherwise in {', '.join(wrong)}"
                    if wrong
                    else "the journal does not hold it"
                )
                raise JournalError(
                    f"{place}: override {row['file_name']}, read by the run of {row['received_on']}: {detail}: one of "
                    "the two was edited: restore the journal from a copy, or the warehouse from its backup"
                )


# --- the command line ------------------------------------------------------------------------------------------------


def _json(says: dict[str, Any]) -> str:
    return json.dumps(says)


def _describe(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'override'}: {each['msg']}" for each in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="laoyouhui.pipeline.overrides", description="Ask for a manual override, or confirm one."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for kind in KINDS.values():
        command = commands.add_parser(kind.command, help=kind.help + (" (needs two people)" if kind.needs_two else ""))
        for target in kind.targets:
            names = [target.option] if target.option else []
            about: dict[str, Any] = {"metavar": target.metavar, "type": target.type, "help": target.help}
            command.add_argument(*names, dest=target.name, **about) if names else command.add_argument(
                target.name, **about
            )
        command.add_argument("--by", dest="requested_by", metavar="WHO", required=True, help="who asks for it")
        command.add_argument("--why", required=True, help="why; the ledger shows it")
    command = commands.add_parser("confirm", help="confirm what another person has asked for")
    command.add_argument("override", metavar="NAME", help="name of the override, see pending")
    command.add_argument("--by", metavar="WHO", required=True, help="who confirms it")
    command = commands.add_parser("pending", help="list what waits for a second person")
    for command in (commands.choices["confirm"], commands.choices["pending"]):
        for option in ("--by", "--why")[command is commands.choices["confirm"] :]:
            command.add_argument(option, help=argparse.SUPPRESS)  # make override hands both on
    return parser


def read_command(arguments: Sequence[str] | None, requested_at: datetime) -> OverrideRequest:
    """Read a command line that asks. Raises ValidationError when who or why is empty; else ends as argparse does."""
    return _request(_parser().parse_args(arguments), requested_at)


def _request(given: argparse.Namespace, requested_at: datetime) -> OverrideRequest:
    kinds: dict[str, OverrideKind] = {kind.command: kind for kind in KINDS.values()}
    kind = kinds[given.command]
    fields = {target.name: getattr(given, target.name) for target in kind.targets}
    return OverrideRequest(
        kind=kind.name,
        requested_by=given.requested_by,
        requested_at=requested_at,
        justification=given.why,
        fields={name: value for name, value in fields.items() if value is not None},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit code: 0 done, 2 refused."""
    now = datetime.now(_SHANGHAI).replace(microsecond=0)
    given = _parser().parse_args(arguments)
    try:
        said = _do(given, now)
    except ValidationError as error:
        sys.stderr.write(f"refused: {safe_text(_describe(error))}\n")
        return 2
    except (OverrideError, ConfigError, JournalError, RunningError) as error:
        sys.stderr.write(f"refused: {safe_text(str(error), keep=chr(10))}\n")
        return 2
    sys.stdout.write(said)
    return 0


def _do(given: argparse.Namespace, now: datetime) -> str:
    settings = Settings.from_env()
    if given.command == "pending":
        waiting = pending(settings, now)
        lines = [
            f"{each.name}  {each.request}  asked for by {each.request.requested_by} "
            f"{(now - each.request.requested_at).days} days ago "
            f"({each.request.requested_at.astimezone(_SHANGHAI):%Y-%m-%d %H:%M}): {each.request.justification}\n"
            for each in waiting
        ]
        return "".join(lines) or "nothing waits for a second person\n"
    if given.command == "confirm":
        confirmed = confirm(settings, given.override, given.by, now)
        return f"{confirmed.name}: {confirmed.request} is confirmed: the next run reads it\n"
    request = _request(given, now)
    name = request_override(settings, request)
    if not request.needs_two:
        return f"{name}: the next run reads it\n"
    return f"{name}: pending: another person has to say: confirm {name}\n"


if __name__ == "__main__":
    sys.exit(main())
