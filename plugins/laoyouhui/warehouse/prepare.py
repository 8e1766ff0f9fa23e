"""Make the warehouse ready for a run: its schemas, the feeds' tables, the campaign and the carrier as declared."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from laoyouhui.config.campaign import Campaign
from laoyouhui.config.carrier import RELATION_OF_OURS, Carrier, Feed
from laoyouhui.config.errors import ConfigError
from laoyouhui.warehouse.roles import hand_over, has_roles, make_roles, open_database, working_as
from laoyouhui.warehouse.upgrade import REVISIONS, upgrade

_BEFORE_ALEMBIC = 4  # releases without revisions read this as a version newer than theirs, and refuse

log = logging.getLogger(__name__)

_Versions = dict[date, dict[str, object]]
_SCHEMA = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "append_only.sql", "relations.sql"))
_MADE = re.compile(r"create or replace (?:function|aggregate) raw\.(\w+)")
_UNKEPT = """
    select tgrelid::regclass::text || '.' || tgname from pg_trigger
    where tgname in ('kept_update', 'kept_delete', 'kept_truncate', 'kept_row') and tgenabled <> 'A' order by 1
"""


def prepare(conn: psycopg.Connection, carrier: Carrier, *campaigns: Campaign) -> None:
    """Create what is missing and write what the campaign files and the carrier profile declare; safe to repeat.

    One transaction. Raises ConfigError when the feeds' columns are not those of the warehouse, or when something has
    changed that a released date was decided by: see `frozen_changes`.
    """
    with conn.transaction(), working_as(conn, "owner"):
        create_schema(conn, carrier)
        for name, feed in carrier.feeds.items():
            _fit_columns(conn, name, feed)
        for campaign in campaigns:
            if mistakes := frozen_changes(conn, campaign):
                raise ConfigError("\n".join(mistakes))
            _write_campaign(conn, campaign)
        _write_carrier(conn, carrier, campaigns)


def create_schema(conn: psycopg.Connection, carrier: Carrier | None = None) -> None:
    """Create what Python owns, with the tables of the carrier's feeds if one is given; safe to repeat.

    One transaction. A warehouse of an older release is upgraded first. If it has this version already, nothing is done.
    Raises ConfigError if a newer release has used the warehouse.
    """
    with conn.transaction(), working_as(conn, None):
        digest = schema_digest()
        feeds = carrier.feeds if carrier is not None else {}
        of_feeds = _digest(json.dumps({name: [feed.kind, *_columns(feed)] for name, feed in feeds.items()}).encode())
        before = _prepared(conn)
        if before is None or before[0] != digest:
            upgrade(conn)
        with_roles = make_roles(conn)
        if with_roles:
            open_database(conn)
        if before is not None and before == (digest, of_feeds if carrier else before[1], with_roles):
            return
        for file in _SCHEMA:
            conn.execute(file.read_bytes())
        for name, feed in feeds.items():
            _prepare_feed(conn, name, feed)
        if with_roles:
            # without a profile nobody knows which tables of feeds nobody changes: the next `prepare` says it
            events = [name for name, feed in feeds.items() if feed.kind == "events"] if carrier else _feed_tables(conn)
            hand_over(conn, events)
        if unkept := [name for (name,) in conn.execute(_UNKEPT)]:
            raise ConfigError(
                f"triggers that keep rows are off: {', '.join(unkept)}: `enable always` each, then run again"
            )
        conn.execute(
            'insert into raw.prepared (version, digest, feeds) values (%s, %s, %s) on conflict ("only") '
            "do update set version = excluded.version, digest = excluded.digest, feeds = excluded.feeds",
            (_BEFORE_ALEMBIC, digest, of_feeds),
        )


def is_of_another_release(conn: psycopg.Connection) -> bool:
    """Whether the warehouse exists, and was last made or upgraded by other files than this release's."""
    row = conn.execute("select to_regclass('raw.run') is not null").fetchone()
    before = _prepared(conn)
    return row is not None and bool(row[0]) and (before is None or before[0] != schema_digest())


def recreate_functions(conn: psycopg.Connection) -> None:
    """Restore the functions that statements and triggers call to this version, whoever changed them."""
    with conn.transaction():
        for file in _SCHEMA:
            conn.execute(file.read_bytes())


def drop_functions_gone(conn: psycopg.Connection) -> None:
    """Drop functions of schema raw that this version does not make, once dbt's views no longer call them."""
    made = set(_MADE.findall(b"".join(file.read_bytes() for file in _SCHEMA).decode()))
    found = conn.execute(
        "select proname, oid::regprocedure::text from pg_proc where pronamespace = 'raw'::regnamespace "
        "order by prokind <> 'a', 2"  # drop an aggregate before its parts
    ).fetchall()
    for name, signature in found:
        if name in made:
            continue
        try:
            with conn.transaction():
                conn.execute(f"drop routine {signature}".encode())
        except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege) as error:
            log.warning("%s, which this release does not make, stays: %s", signature, error)


def schema_digest() -> str:
    """Sha256 of all SQL by which Python makes and upgrades its relations and functions."""
    return _digest(b"".join(file.read_bytes() for file in (*_SCHEMA, *sorted(REVISIONS.glob("*.*")))))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _prepared(conn: psycopg.Connection) -> tuple[str, str, bool] | None:
    """Digests of what the schema and the feeds' tables were last made from, and whether roles own them."""
    row = conn.execute("select to_regclass('raw.prepared') is not null").fetchone()
    if row is None or not row[0]:
        return None
    row = conn.execute("select digest, feeds from raw.prepared").fetchone()
    return None if row is None else (row[0], row[1], has_roles(conn))


def _feed_tables(conn: psycopg.Connection) -> list[str]:
    found = conn.execute("select tablename from pg_tables where schemaname = 'raw'").fetchall()
    return [name for (name,) in found if not RELATION_OF_OURS.fullmatch(name)]


def _prepare_feed(conn: psycopg.Connection, name: str, feed: Feed) -> None:
    table = sql.Identifier("raw", name)
    text_columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(column)) for column in _columns(feed))
    conn.execute(
        sql.SQL("create table if not exists {} (delivery_no int not null, line_no bigint not null, {})").format(
            table, text_columns
        )
    )
    if feed.kind == "events":  # snapshots go with their date; events are looked up by delivery for good
        index = sql.Identifier(f"{name}_delivery_no")
        conn.execute(sql.SQL("create index if not exists {} on {} (delivery_no)").format(index, table))
        conn.execute("select raw.make_append_only(%s::regclass, 'delivery')", (f"raw.{name}",))


def _columns(feed: Feed) -> list[str]:
    return [*(column.name for column in feed.columns), *(f"{secret}_length" for secret in feed.secrets)]


def _fit_columns(conn: psycopg.Connection, name: str, feed: Feed) -> None:
    """Give a feed's table the columns that the profile has gained: null in what came before.

    One that the profile no longer has stays, and is null from now on. Raises ConfigError for what only a person knows:
    whether a column was renamed, and the value of a required one, or a secret, in older rows.
    """
    table, columns = sql.Identifier("raw", name), _columns(feed)
    found = [
        row[0]
        for row in conn.execute(
            "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 2 and not attisdropped "
            "order by attnum",
            (f"raw.{name}",),
        )
    ]
    gained = [column for column in columns if column not in found]
    if not gained:
        return
    lost = [column for column in found if column not in columns]
    needed = {column.name for column in feed.columns if column.required} | {f"{each}_length" for each in feed.secrets}
    has_rows = conn.execute(sql.SQL("select from {} limit 1").format(table)).fetchone() is not None
    if has_rows and (lost or needed & {*gained}):
        raise ConfigError(
            f"feeds.{name}.columns: value {columns}: the table raw.{name} has {found}: expected no column in another's "
            f"place, and none that is required or secret ({', '.join(gained)}), since rows of before lack it. Where "
            f'one was renamed, rename it there first: alter table raw.{name} rename column "old" to "new"'
        )
    for column in gained:
        conn.execute(sql.SQL("alter table {} add column {} text").format(table, sql.Identifier(column)))


def frozen_changes(conn: psycopg.Connection, campaign: Campaign) -> list[str]:
    """Where a campaign differs from the warehouse in something that released dates were decided by.

    Decisions are final (rules, 1.5): frozen are the start, the control group, terms that were in force, the plan of
    past months, and an end that has passed; no campaign ends in the past.
    """
    if not _exists(conn, "raw.campaign"):
        return []
    released = conn.execute("select max(business_date) from raw.run where attempts_released > 0").fetchone()
    known = conn.execute(
        "select starts_on, control_share_bp, control_salt, ends_on, file_sha256 from raw.campaign "
        "where campaign_id = %s",
        (campaign.campaign_id,),
    ).fetchone()
    if released is None or released[0] is None or known is None:
        return []
    if known[4] == campaign.sha256:
        return []  # the file is unchanged: a table that differs was changed by hand, and is written again
    mistakes = [
        f"{campaign.campaign_id}: {name}: value {now!r}: expected {was!r}, as it was when {released[0]} was released"
        for name, now, was in zip(
            ("starts_on", "control_group.share_bp", "control_group.salt"),
            (str(campaign.starts_on), campaign.control_share_bp, campaign.control_salt),
            (str(known[0]), known[1], known[2]),
            strict=True,
        )
        if now != was
    ]
    if campaign.ends_on != known[3] and (campaign.ends_on <= released[0] or known[3] <= released[0]):
        mistakes.append(
            f"{campaign.campaign_id}: ends_on: value '{campaign.ends_on}': expected '{known[3]}', or where that has "
            f"not come yet a day after {released[0]}, which is released"
        )
    mistakes += _changed_plans(conn, campaign, released[0])
    stored: _Versions = dict(
        conn.execute(
            "select effective_from, terms from raw.campaign_terms where campaign_id = %s", (campaign.campaign_id,)
        ).fetchall()
    )
    stored = {day: _said(terms) for day, terms in stored.items()}
    declared = {version.effective_from: _said(json.loads(json.dumps(version.terms))) for version in campaign.versions}
    first = min(stored)  # it applies to older rows, too
    for effective_from in sorted(stored.keys() | declared.keys()):
        used = effective_from <= max(released[0], first)
        if used and stored.get(effective_from) != declared.get(effective_from):
            mistakes.append(
                f"{campaign.campaign_id}: terms from {effective_from}: "
                f"{_difference(stored, declared, effective_from)}: expected no change, since {released[0]} is released;"
                " add a version effective after it"
            )
    return mistakes


def changed_by_hand(conn: psycopg.Connection, carrier: Carrier, campaigns: Iterable[Campaign]) -> list[str]:
    """The tables that differ from what these campaigns and the carrier profile declare, which `prepare` wrote.

    Models and the gate read from them what a campaign promises and how amounts are written.
    """
    declared: dict[LiteralString, list[tuple[object, ...]]] = {
        "raw.feed": _feed_rows(carrier, campaigns),
        "raw.feed_column": _column_rows(carrier),
        "raw.answer_code": list(carrier.answer_codes.items()),
        "raw.campaign": [],
        "raw.campaign_terms": [],
        "raw.campaign_budget": [],
    }
    for campaign in campaigns:
        terms, budget = _terms_rows(campaign), _budget_rows(campaign)
        declared["raw.campaign"].append(_campaign_row(campaign))
        declared["raw.campaign_terms"] += [(*row, _what_pays(version)) for *row, version in terms]
        declared["raw.campaign_budget"] += budget
    stored: dict[LiteralString, LiteralString] = {
        "raw.feed": "feed, kind, is_daily",
        "raw.feed_column": "feed, column_name, unit",
        "raw.answer_code": "code, outcome",
        "raw.campaign": "campaign_id, name, starts_on, ends_on, priority, control_share_bp, control_salt, file_sha256",
        "raw.campaign_terms": "campaign_id, effective_from, terms_version, terms",
        "raw.campaign_budget": "campaign_id, budget_line, month, plan_fen",
    }
    ours = {campaign.campaign_id for campaign in campaigns}
    changed = []
    for table, columns in stored.items():
        rows = conn.execute(sql.SQL("select {} from {}").format(sql.SQL(columns), sql.SQL(table))).fetchall()
        if table.startswith("raw.campaign"):  # one that no longer runs leaves its rows
            rows = [row for row in rows if row[0] in ours]
        if table == "raw.campaign_terms":
            rows = [(*row, _what_pays(version)) for *row, version in rows]
        if set(rows) != set(declared[table]):
            changed.append(table)
    return changed


def _what_pays(terms: Mapping[str, object]) -> str:
    """Terms as text, without the limits of a release, which refuse and never pay."""
    return json.dumps({name: part for name, part in terms.items() if name != "release"}, sort_keys=True, default=str)


def _changed_plans(conn: psycopg.Connection, campaign: Campaign, released: date) -> list[str]:
    """Where the plan of a month that is released to its last day has changed."""
    was: dict[tuple[str, date], int] = {
        (line, month): plan_fen
        for line, month, plan_fen in conn.execute(
            "select budget_line, month, plan_fen from raw.campaign_budget where campaign_id = %s",
            (campaign.campaign_id,),
        )
    }
    now = {(plan.line, plan.month): plan.plan_fen for plan in campaign.budget}
    return [
        f"{campaign.campaign_id}: budget of {line}, {month:%Y-%m}: value {now.get((line, month))}: expected "
        f"{was.get((line, month))}, as it was when that month's last day was released"
        for line, month in sorted(was.keys() | now.keys())
        if now.get((line, month)) != was.get((line, month))
        and (month.replace(day=28) + timedelta(days=4)).replace(day=1) <= released + timedelta(days=1)
    ]


def _exists(conn: psycopg.Connection, relation: str) -> bool:
    row = conn.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
    return row is not None and bool(row[0])


def _said(terms: Any) -> Any:  # noqa: ANN401 (JSON values)
    """Terms without absent fields: a newer release may know more fields."""
    if isinstance(terms, dict):
        return {name: _said(value) for name, value in terms.items() if value is not None}
    return [_said(each) for each in terms] if isinstance(terms, list) else terms


def _difference(stored: _Versions, declared: _Versions, version: date) -> str:
    if version not in declared:
        return "taken away"
    if version not in stored:
        return "added"
    was, now = stored[version], declared[version]
    return "changed in " + ", ".join(part for part in sorted(was.keys() | now.keys()) if was.get(part) != now.get(part))


def _write_campaign(conn: psycopg.Connection, campaign: Campaign) -> None:
    conn.execute(
        """
        insert into raw.campaign
            (campaign_id, name, starts_on, ends_on, priority, control_share_bp, control_salt, file_sha256)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (campaign_id) do update set
            name = excluded.name, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
            priority = excluded.priority, control_share_bp = excluded.control_share_bp,
            control_salt = excluded.control_salt, file_sha256 = excluded.file_sha256, loaded_at = now()
        where to_jsonb(campaign) - 'loaded_at' <> to_jsonb(excluded) - 'loaded_at'
        """,
        _campaign_row(campaign),
    )
    conn.execute("delete from raw.campaign_terms where campaign_id = %s", (campaign.campaign_id,))
    conn.execute("delete from raw.campaign_budget where campaign_id = %s", (campaign.campaign_id,))
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.campaign_terms (campaign_id, effective_from, terms_version, terms) "
            "values (%s, %s, %s, %s)",
            [(*row, Jsonb(terms)) for *row, terms in _terms_rows(campaign)],
        )
        cursor.executemany(
            "insert into raw.campaign_budget (campaign_id, budget_line, month, plan_fen) values (%s, %s, %s, %s)",
            _budget_rows(campaign),
        )


def _campaign_row(campaign: Campaign) -> tuple[object, ...]:
    return (
        campaign.campaign_id,
        campaign.name,
        campaign.starts_on,
        campaign.ends_on,
        campaign.priority,
        campaign.control_share_bp,
        campaign.control_salt,
        campaign.sha256,
    )


def _terms_rows(campaign: Campaign) -> list[tuple[str, date, str, Mapping[str, object]]]:
    return [
        (campaign.campaign_id, version.effective_from, version.terms_version, version.terms)
        for version in campaign.versions
    ]


def _budget_rows(campaign: Campaign) -> list[tuple[object, ...]]:
    return [(campaign.campaign_id, plan.line, plan.month, plan.plan_fen) for plan in campaign.budget]


def _feed_rows(carrier: Carrier, campaigns: Iterable[Campaign]) -> list[tuple[object, ...]]:
    offered = {section for campaign in campaigns for version in campaign.versions for section in version.terms}
    return [
        (name, feed.kind, feed.daily and (feed.serves is None or feed.serves in offered))
        for name, feed in carrier.feeds.items()
    ]


def _column_rows(carrier: Carrier) -> list[tuple[object, ...]]:
    return [(name, column.name, column.unit) for name, feed in carrier.feeds.items() for column in feed.columns]


def _write_carrier(conn: psycopg.Connection, carrier: Carrier, campaigns: tuple[Campaign, ...]) -> None:
    conn.execute("delete from raw.feed")
    conn.execute("delete from raw.feed_column")
    conn.execute("delete from raw.answer_code")
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.feed (feed, kind, is_daily) values (%s, %s, %s)",
            _feed_rows(carrier, campaigns),
        )
        cursor.executemany(
            "insert into raw.feed_column (feed, column_name, unit) values (%s, %s, %s)",
            _column_rows(carrier),
        )
        cursor.executemany(
            "insert into raw.answer_code (code, outcome) values (%s, %s)", list(carrier.answer_codes.items())
        )
