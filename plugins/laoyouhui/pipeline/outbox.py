"""Fill the outbox: a released attempt's rows, numbered and written exactly as they leave, and fixed for good.

Each file's rows, sum and digest are fixed with it: `deliver` sends what has them, and nothing else.

A row that lacks a column its interface needs (`missing_columns` of the export) waits in `outbox.incomplete_row` until
it has it. The rows of an interface leave in the order of subscriber and key, at most `max_rows` a file; a file that the
carrier refused as a whole (`resend_of`) leaves again as a file of its own, after the new ones. Files are numbered from
1 each day, over all attempts of the day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple

import psycopg
from psycopg import sql

from laoyouhui.config.carrier import Carrier, FileForm, Interface
from laoyouhui.exports.formatting import line_expression, place_expression
from laoyouhui.exports.names import file_stem

LINES_AT_ONCE = 2_000  # the database joins so many lines into one value: Python sees bytes, never a row
# A row of the outbox as it was released, secret's place and owner included; a file's digest is that of its blocks'.
DIGEST = sql.SQL(
    "sha256(convert_to(string_agg((item.file_stem, item.line_no, item.item_key, item.answer_key, item.subscriber_id, "
    "item.amount_fen, item.line, item.secret_reference, item.secret_at, item.secret_grant)::text, E'\\n' "
    "order by item.line_no), 'UTF8'))"
)
_SECRETS = {"sms": "text"}  # the only column of any interface that gets a secret
_EXAMPLES = 3


class OutboxError(Exception):
    """An export relation holds rows that cannot leave. The message names file and lines; nothing is released."""


def fill_outbox(conn: psycopg.Connection, carrier: Carrier, business_date: date) -> int:
    """Move the rows of every existing `exports.export_<interface>` into the outbox; give their number.

    Works inside the caller's transaction, which counts the attempt as released: an attempt enters once. Raises
    OutboxError when a row is of no campaign of this warehouse, and when one cannot be written.
    """
    campaigns = {row[0] for row in conn.execute("select campaign_id from raw.campaign")}
    added = 0
    for name in carrier.interfaces:
        found = conn.execute("select to_regclass(%s)", (f"exports.export_{name}",)).fetchone()
        if found is not None and found[0] is not None:
            added += _fill(conn, carrier, name, campaigns, business_date)
    return added


def _fill(
    conn: psycopg.Connection, carrier: Carrier, name: str, campaigns: Collection[str], business_date: date
) -> int:
    interface, form = carrier.interfaces[name], carrier.files
    _hold(conn, interface, name, business_date)
    relation = _complete_rows(name)
    secret = _own_secrets(conn, interface, form, name)
    files = list(_files(conn, interface, name, campaigns, business_date))
    # what has no amount of its own is worth what it costs; what cannot be spelled becomes a line feed, which
    # `_require_lines` finds in any line
    added = conn.execute(
        sql.SQL(
            """
            insert into outbox.item (
                file_stem, line_no, campaign_id, interface, item_key, answer_key, subscriber_id, benefit, budget_line,
                amount_fen, committed_fen, liability_fen, business_date, line, secret_reference, secret_at, secret_grant
            )
            select
                file.stem, placed.place %% {max_rows} + 1, campaign_id, {name}, item_key, answer_key, subscriber_id,
                benefit, budget_line, {amount}, committed_fen, liability_fen, {business_date}, coalesce({line}, E'\\n'),
                {secret}
            from (
                select
                    *,
                    row_number() over (
                        partition by campaign_id, resend_of
                        order by subscriber_id collate "C", {order}, item_key collate "C"
                    )::int - 1 as place
                from {relation} as complete
            ) as placed
            join unnest(%(campaign)s::text[], %(resend_of)s::text[], %(piece)s::int[], %(stem)s::text[])
                as file (rows_of, resend_of, piece, stem)
                on placed.campaign_id = file.rows_of
                and coalesce(placed.resend_of, '') = coalesce(file.resend_of, '')
                and placed.place / {max_rows} = file.piece
            """
        ).format(
            max_rows=sql.Literal(interface.max_rows),
            name=sql.Literal(name),
            amount=sql.Identifier(interface.control or "committed_fen"),
            order=sql.Identifier(interface.order) if interface.order else sql.SQL("null"),
            business_date=sql.Literal(business_date),
            line=line_expression(interface, form),
            secret=secret,
            relation=relation,
        ),
        {
            "campaign": [file.campaign_id for file in files],
            "resend_of": [file.resend_of for file in files],
            "piece": [file.piece for file in files],
            "stem": [file.stem for file in files],
        },
    ).rowcount
    stems = [file.stem for file in files]
    conn.execute(
        sql.SQL(
            """
            insert into outbox.file
                (file_stem, campaign_id, interface, business_date, seq, rows, amount_fen, released_sha256)
            select
                file.stem, file.campaign_id, %(name)s, %(business_date)s, file.seq, sum(blocks.rows),
                sum(blocks.amount_fen),
                encode(sha256(string_agg(blocks.digest, ''::bytea order by blocks.block)), 'hex')
            from unnest(%(stems)s::text[], %(campaigns)s::text[], %(seqs)s::int[]) as file (stem, campaign_id, seq)
            join (
                select
                    item.file_stem, (item.line_no - 1) / {at_once} as block, count(*) as rows,
                    sum(item.amount_fen) as amount_fen, {digest} as digest
                from outbox.item
                where item.file_stem = any(%(stems)s)
                group by item.file_stem, (item.line_no - 1) / {at_once}
            ) as blocks on blocks.file_stem = file.stem
            group by file.stem, file.campaign_id, file.seq
            """
        ).format(at_once=sql.Literal(LINES_AT_ONCE), digest=DIGEST),
        {
            "campaigns": [file.campaign_id for file in files],
            "name": name,
            "business_date": business_date,
            "stems": stems,
            "seqs": [file.seq for file in files],
        },
    )
    _require_lines(conn, interface, form, stems)
    return added


def _own_secrets(conn: psycopg.Connection, interface: Interface, form: FileForm, name: str) -> sql.Composable:
    """Give each secret of the interface to its grant; give the place of secrets, as SQL: reference, place and grant.

    Raises OutboxError when a secret is another grant's already, or another subscriber's.
    """
    relation = sql.Identifier("exports", f"export_{name}")
    column = _SECRETS.get(name)
    has_secrets = (
        column
        and conn.execute(
            "select from pg_attribute where attrelid = to_regclass(%s) and attname = 'secret_reference'",
            (f"exports.export_{name}",),
        ).fetchone()
    )
    if column is None or has_secrets is None:
        return sql.SQL("null, null, null")
    conn.execute(
        sql.SQL(
            "insert into vault.owner (reference, grant_key, subscriber_id) "
            "select distinct secret_reference, secret_grant, subscriber_id from {} where secret_reference is not null "
            "on conflict (reference) do nothing"
        ).format(relation)
    )
    strange = conn.execute(
        sql.SQL(
            "select export.item_key from {} as export left join vault.owner as owner "
            "on export.secret_reference = owner.reference where export.secret_reference is not null "
            "and (owner.grant_key, owner.subscriber_id) is distinct from (export.secret_grant, export.subscriber_id) "
            "order by 1 limit %s"
        ).format(relation),
        (_EXAMPLES,),
    ).fetchall()
    if strange:
        raise OutboxError(
            f"exports.export_{name}, item_key {', '.join(key for (key,) in strange)}: the secret is another grant's or "
            "subscriber's: nobody may get what was issued to somebody else; fix the export's model"
        )
    return sql.SQL("secret_reference, {} + secret_at, secret_grant").format(place_expression(interface, form, column))


def _complete_rows(name: str) -> sql.Composed:
    return sql.SQL("(select * from {} where missing_columns is null)").format(
        sql.Identifier("exports", f"export_{name}")
    )


def _hold(conn: psycopg.Connection, interface: Interface, name: str, business_date: date) -> None:
    """Keep the rows that cannot leave yet; those that wait already are known from the first run that held them."""
    conn.execute(
        sql.SQL(
            """
            insert into outbox.incomplete_row (
                campaign_id, interface, item_key, answer_key, subscriber_id, benefit, budget_line,
                amount_fen, committed_fen, liability_fen, missing_columns, business_date
            )
            select
                campaign_id, {name}, item_key, answer_key, subscriber_id, benefit, budget_line,
                {amount}, committed_fen, liability_fen, missing_columns, {business_date}
            from {relation} as incomplete
            where
                missing_columns is not null
                and not exists (
                    select from outbox.incomplete_row as known
                    where
                        known.item_key = incomplete.item_key
                        and not exists (
                            select from outbox.item as sent
                            where sent.item_key = known.item_key and sent.business_date >= known.business_date
                        )
                )
            """
        ).format(
            name=sql.Literal(name),
            amount=sql.Identifier(interface.control or "committed_fen"),
            business_date=sql.Literal(business_date),
            relation=sql.Identifier("exports", f"export_{name}"),
        )
    )


class _File(NamedTuple):
    """A file to be: the `piece`-th (from 0) of the rows of a campaign that leave together."""

    campaign_id: str
    resend_of: str | None
    piece: int
    seq: int
    stem: str


def _files(
    conn: psycopg.Connection, interface: Interface, name: str, campaigns: Collection[str], business_date: date
) -> Iterator[_File]:
    numbers: Counter[str] = Counter(
        dict(
            conn.execute(
                "select campaign_id, max(seq) from outbox.file where interface = %s and business_date = %s "
                "group by campaign_id",
                (name, business_date),
            ).fetchall()
        )
    )
    batches = conn.execute(
        sql.SQL(
            "select campaign_id, resend_of, count(*) from {} as complete group by campaign_id, resend_of "
            'order by campaign_id collate "C", resend_of collate "C" nulls first'
        ).format(_complete_rows(name))
    ).fetchall()
    for campaign_id, resend_of, rows in batches:
        if campaign_id not in campaigns:
            raise OutboxError(
                f"exports.export_{name}: {rows} rows of {campaign_id}: expected {', '.join(sorted(campaigns))} only: "
                "fix the export's model"
            )
        for piece in range(-(-rows // interface.max_rows)):
            numbers[campaign_id] += 1
            seq = numbers[campaign_id]
            yield _File(campaign_id, resend_of, piece, seq, file_stem(name, interface, campaign_id, business_date, seq))


def _require_lines(conn: psycopg.Connection, interface: Interface, form: FileForm, stems: list[str]) -> None:
    try:
        broken = conn.execute(
            "select file_stem, line_no from outbox.item where file_stem = any(%(stems)s) and ("
            "strpos(line, E'\\n') > 0 or strpos(line, E'\\r') > 0 "
            "or length(line) - length(replace(line, %(delimiter)s, '')) <> %(delimiters)s "
            "or length(convert_to(line, %(encoding)s)) = 0) "
            "order by file_stem, line_no limit %(examples)s",
            {
                "stems": stems,
                "delimiter": form.delimiter,
                "delimiters": len(interface.columns) - 1,
                "encoding": form.encoding,
                "examples": _EXAMPLES,
            },
        ).fetchall()
    except psycopg.errors.UntranslatableCharacter as error:
        raise OutboxError(
            f"files {', '.join(stems)}: {error}: correct the text, or the carrier profile's encoding"
        ) from error
    if broken:
        raise OutboxError(
            f"{_places(broken)}: a required column is empty, a code is not in the carrier profile, or a field holds "
            f"{form.delimiter!r} or a line's end: fix the export's model or the profile"
        )


def _places(rows: list[tuple[str, int]]) -> str:
    return ", ".join(f"file {stem} line {line_no}" for stem, line_no in rows)
