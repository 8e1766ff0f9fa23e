"""Fill the outbox: a released pass's rows, spelled as they leave and fixed for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql

from laoyouhui.config.campaign import Campaign
from laoyouhui.config.carrier import Carrier, FileForm, Interface
from laoyouhui.exports.names import file_stem
from laoyouhui.exports.spelling import line_expression

_EXAMPLES = 3
_KEPT = "campaign_id item_key answer_key subscriber_id benefit budget_line amount_fen committed_fen liability_fen line"


class OutboxError(Exception):
    """An export relation holds no whole, spellable files. The message names file and lines; nothing is released."""


@dataclass(frozen=True)
class _ExportFile:
    campaign_id: str
    stem: str
    seq: int
    rows: int
    amount_fen: int | None
    first_line: int
    last_line: int


def fill_outbox(conn: psycopg.Connection, carrier: Carrier, campaign: Campaign, business_date: date) -> int:
    """Copy the rows of every `exports.export_<interface>` that is there into the outbox; give the number of new rows.

    Works inside the caller's transaction. A file that stands in the outbox already is compared, not written again.
    Raises OutboxError when one differs, when lines are not 1 to n or files not 1 to n of their day, when a file is
    longer than the interface allows or named otherwise, and when a row cannot be spelled.
    """
    added = 0
    for name in carrier.interfaces:
        found = conn.execute("select to_regclass(%s)", (f"exports.export_{name}",)).fetchone()
        if found is not None and found[0] is not None:
            added += _fill(conn, carrier, name, campaign.campaign_id, business_date)
    return added


def _fill(conn: psycopg.Connection, carrier: Carrier, name: str, campaign_id: str, business_date: date) -> int:
    interface, form = carrier.interfaces[name], carrier.files
    relation = sql.Identifier("exports", f"export_{name}")
    amount = sql.Identifier(
        interface.control or "committed_fen"
    )  # what has no amount of its own is worth what it costs
    files = [
        _ExportFile(*row)
        for row in conn.execute(
            sql.SQL(
                "select campaign_id, file_stem, file_seq, count(*), sum({amount})::bigint, min(line_no), max(line_no) "
                "from {relation} group by campaign_id, file_stem, file_seq order by file_seq, file_stem"
            ).format(amount=amount, relation=relation)
        )
    ]
    for file in files:
        _require_whole(name, interface, file, campaign_id, business_date)
    stems = [file.stem for file in files]
    standing = {row[0] for row in conn.execute("select file_stem from outbox.file where file_stem = any(%s)", (stems,))}
    # What cannot be spelled becomes a line feed, which `_require_lines` finds in any line.
    rows = sql.SQL(
        "select file_stem, line_no, campaign_id, item_key, answer_key, subscriber_id, benefit, budget_line, "
        "{amount} as amount_fen, committed_fen, liability_fen, coalesce({line}, E'\\n') as line from {relation}"
    ).format(
        amount=amount,
        line=line_expression(interface, form),
        relation=relation,
    )
    _require_unchanged(conn, rows, sorted(standing))
    new = [file for file in files if file.stem not in standing]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into outbox.file (file_stem, campaign_id, interface, run_on, seq, rows, amount_fen) "
            "values (%s, %s, %s, %s, %s, %s, %s)",
            [(file.stem, campaign_id, name, business_date, file.seq, file.rows, file.amount_fen) for file in new],
        )
    new_stems = [file.stem for file in new]
    added = conn.execute(
        sql.SQL(
            "insert into outbox.item (file_stem, line_no, interface, run_on, {kept}) "
            "select file_stem, line_no, {name}, {run_on}, {kept} from ({rows}) as spelled "
            "where file_stem = any({stems})"
        ).format(
            kept=_kept(),
            name=sql.Literal(name),
            run_on=sql.Literal(business_date),
            rows=rows,
            stems=sql.Literal(new_stems),
        )
    ).rowcount
    _require_lines(conn, interface, form, new_stems)
    _require_sequence(conn, name, business_date)
    return added


def _require_whole(name: str, interface: Interface, file: _ExportFile, campaign_id: str, business_date: date) -> None:
    expected = file_stem(name, interface, campaign_id, business_date, file.seq)
    if (file.campaign_id, file.stem) != (campaign_id, expected):
        raise OutboxError(
            f"exports.export_{name}: file_stem {file.stem!r} of {file.campaign_id}: expected {expected!r}: "
            "mend the export's model"
        )
    if (file.first_line, file.last_line) != (1, file.rows) or file.rows > interface.max_rows:
        raise OutboxError(
            f"exports.export_{name}: file {file.stem}: {file.rows} rows, lines {file.first_line} to {file.last_line}: "
            f"expected 1 to n without gaps, at most {interface.max_rows}: mend the export's model"
        )


def _require_unchanged(conn: psycopg.Connection, rows: sql.Composable, stems: list[str]) -> None:
    if not stems:
        return
    differing = conn.execute(
        sql.SQL(
            "select file_stem, line_no from (select * from ({rows}) as spelled where file_stem = any({stems})) as now "
            "full join (select * from outbox.item where file_stem = any({stems})) as fixed using (file_stem, line_no) "
            "where ({now}) is distinct from ({fixed}) order by file_stem, line_no limit {examples}"
        ).format(
            rows=rows,
            stems=sql.Literal(stems),
            now=_kept("now"),
            fixed=_kept("fixed"),
            examples=sql.Literal(_EXAMPLES),
        )
    ).fetchall()
    if differing:
        raise OutboxError(
            f"{_places(differing)}: the export differs from what was released before: what was released is never "
            "rewritten. Look for the model or the input that changed; a correction is a new row in a new file"
        )


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
            f"files {', '.join(stems)}: {error}: mend the text, or the carrier profile's encoding"
        ) from error
    if broken:
        raise OutboxError(
            f"{_places(broken)}: a required column is empty, a code is not in the carrier profile, or a field holds "
            f"{form.delimiter!r} or a line's end: mend the export's model or the profile"
        )


def _require_sequence(conn: psycopg.Connection, name: str, business_date: date) -> None:
    rows = conn.execute(
        "select seq from outbox.file where interface = %s and run_on = %s order by seq", (name, business_date)
    ).fetchall()
    numbers = [row[0] for row in rows]
    if numbers != list(range(1, len(numbers) + 1)):
        raise OutboxError(f"files of {name} of {business_date} have numbers {numbers}: expected 1 to n without gaps")


def _kept(relation: str | None = None) -> sql.Composed:
    """Give the columns that the outbox keeps of a row as they are, of `relation` where two have them."""
    names = [(relation, column) if relation else (column,) for column in _KEPT.split()]
    return sql.SQL(", ").join(sql.Identifier(*name) for name in names)


def _places(rows: list[tuple[str, int]]) -> str:
    return ", ".join(f"file {stem} line {line_no}" for stem, line_no in rows)
