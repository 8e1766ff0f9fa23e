"""Ingest the carrier's answers to our files: `ack/<interface>/<stem>.rsp` into `raw.answer` and `raw.answer_row`."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, cast

import psycopg

from laoyouhui.config.carrier import Carrier, Interface
from laoyouhui.delivery.transport import Transport, UnreadableError
from laoyouhui.exports.names import parse_stem
from laoyouhui.feeds.answers import (
    LONGEST_LINE,
    LONGEST_ROW,
    AnswerError,
    Header,
    read_header,
    read_rows,
    twice,
)
from laoyouhui.pipeline.journal import Receipts
from laoyouhui.pipeline.waiting import Waiting, is_plain

_ENDING = ".rsp"
_EXAMPLES = 3
_READ_BYTES = 1 << 20
_IN_MEMORY = 4 << 20  # bytes of an answer; what is more waits on disk
_CODE_SHOWN = 4  # characters: a longer one is no code of an answer and may be anything
_UNREADABLE = (UnreadableError, FileNotFoundError, PermissionError)
_NO_RECEIPTS = Receipts()


@dataclass(frozen=True)
class AnswersReport:
    """How many answers one run loaded, and how many it quarantined."""

    loaded: int
    quarantined: int


@dataclass(frozen=True)
class _Judged:
    """An answer as received; `header` is None when it could not be read, `reason` when it is valid."""

    header: Header | None
    reason: str | None
    detail: str | None


def ingest_answers(
    conn: psycopg.Connection,
    transport: Transport,
    carrier: Carrier,
    business_date: date,
    waiting: Waiting,
    receipts: Receipts = _NO_RECEIPTS,
) -> AnswersReport:
    """Read the answers to the files of this warehouse's campaigns that are dated before `business_date`, each content
    once.

    A bad answer is quarantined (SET_ASIDE) with a reason: SIZE (more bytes than any answer has, or than one to a file
    of so many rows); those of `read_header`; UNKNOWN_FILE (no such file was released); NOT_DELIVERED (it was, and has
    not left: nobody can have answered it); COUNT (of other rows than the file has); those of `read_rows`; KEY (a key
    stands twice); CODE (a refused row's code that the carrier profile does not know); UNKNOWN_KEY; CONTRADICTS (the
    file is answered already, otherwise). The first that applies is the reason. A quarantined answer is judged again by
    each run, and counts once its reason is gone. In a rebuild an answer waits for its receipt's date. A file that is
    not an answer by its name or place, or answers a file of a later date, goes to `waiting`. Works inside the caller's
    transaction.
    """
    loaded = quarantined = 0
    _note_undeclared(transport, carrier, waiting)
    for interface, form in carrier.interfaces.items():
        for path, stem in _to_read(conn, transport, interface, form, business_date, waiting):
            try:
                with _spooled(transport, path, form) as (sha256, raw):
                    if held := receipts.held_back(("answer", stem, sha256)):
                        waiting.add(path, "RECEIPT", held)
                        continue
                    known = _known_as(conn, stem, sha256)
                    if known == "LOADED":
                        continue
                    is_first = receipts.answers.get(stem, sha256) == sha256
                    with conn.transaction():
                        judged = _judge(conn, carrier, form, stem, raw, is_first)
                        if known is not None and judged.reason == known:
                            continue
                        _store(conn, interface, stem, sha256, judged, business_date)
            except _UNREADABLE as error:
                waiting.add(path, "UNREADABLE", str(error))
                continue
            loaded += judged.reason is None
            quarantined += judged.reason is not None
    return AnswersReport(loaded, quarantined)


def _note_undeclared(transport: Transport, carrier: Carrier, waiting: Waiting) -> None:
    """Note everything in `ack/` itself that is not a folder of an interface."""
    try:
        found = transport.look("ack")
    except UnreadableError as error:
        waiting.add_folder("ack", error)  # a server may let us list what is in it
        return
    declared = ", ".join(sorted(carrier.interfaces))
    for stranger in {*found.others, *(file.name for file in found.files)} - carrier.interfaces.keys():
        expected = f"expected a folder of one of the interfaces {declared}, with the answers in it"
        waiting.add_stranger("ack", stranger, "UNDECLARED", expected)


def _to_read(
    conn: psycopg.Connection,
    transport: Transport,
    interface: str,
    form: Interface,
    business_date: date,
    waiting: Waiting,
) -> Iterator[tuple[str, str]]:
    """Give path and stem of each answer in a folder that this run may see; anything else goes to `waiting`."""
    folder = f"ack/{interface}"
    campaigns = {None} | {row[0] for row in conn.execute("select campaign_id from raw.campaign")}
    try:
        found = transport.look(folder)
    except UnreadableError as error:
        waiting.add_folder(folder, error)
        return
    for other in found.others:
        waiting.add_stranger(folder, other, "NOT_A_FILE", "a folder, a link or a device, expected a file")
    for file in found.files:
        stem = file.name.removesuffix(_ENDING)
        named = parse_stem(interface, form, stem) if file.name.endswith(_ENDING) and is_plain(file.name) else None
        if named is None:
            waiting.add_stranger(folder, file.name, "NAME", f"expected the name of a file of ours with {_ENDING}")
        elif named.campaign_id not in campaigns:
            continue  # another campaign's: its own runs read it
        elif named.business_date < business_date:
            yield f"{folder}/{file.name}", stem
        elif named.business_date > business_date:  # the next run reads an answer to a file of this date
            detail = f"to a file dated {named.business_date}, the run closes {business_date}"
            waiting.add(f"{folder}/{file.name}", "LATER", detail)


@contextmanager
def _spooled(transport: Transport, path: str, form: Interface) -> Iterator[tuple[str, BinaryIO | None]]:
    """Read an answer once: give its sha256, and its bytes in a file, or None if it is too long."""
    most = _most_bytes(form.max_rows)
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        with transport.open(path) as source:
            while size <= most and (chunk := source.read(min(_READ_BYTES, most + 1 - size))):
                digest.update(chunk)
                spool.write(chunk)
                size += len(chunk)
        spool.seek(0)
        yield digest.hexdigest(), cast("BinaryIO", spool) if size <= most else None


def _most_bytes(rows: int) -> int:
    return LONGEST_LINE + rows * LONGEST_ROW


def _known_as(conn: psycopg.Connection, stem: str, sha256: str) -> str | None:
    """Give the reason why this very content was quarantined, `LOADED` if it counts, None if it is new."""
    row = conn.execute(
        "select coalesce(reason, 'LOADED') from raw.answer where file_stem = %s and sha256 = %s", (stem, sha256)
    ).fetchone()
    return str(row[0]) if row else None


def _judge(
    conn: psycopg.Connection, carrier: Carrier, form: Interface, stem: str, raw: BinaryIO | None, is_first: bool
) -> _Judged:
    """Judge an answer; its rows are then in `pg_temp.refused`. It is compared with its file before a row is read."""
    if raw is None:
        return _Judged(None, "SIZE", f"more than {_most_bytes(form.max_rows)} bytes, more than any answer has")
    try:
        header = read_header(raw)
    except AnswerError as error:
        return _Judged(None, error.reason, error.detail)
    mistake = _mistaken_header(conn, stem, header)
    if mistake is None and raw.seek(0, 2) > _most_bytes(header.refused):
        mistake = "SIZE", f"more than {_most_bytes(header.refused)} bytes for {header.refused} refused rows"
    if mistake is None:
        raw.seek(0)
        read_header(raw)
        try:
            _load_rows(conn, raw, header)
        except AnswerError as error:
            mistake = error.reason, error.detail
    if mistake is None:
        mistake = next(_mistaken_rows(conn, carrier, stem, is_first), None)
    return _Judged(header, *(mistake or (None, None)))


def _mistaken_header(conn: psycopg.Connection, stem: str, header: Header) -> tuple[str, str] | None:
    """Give (reason, detail) of what is wrong with the first line of an answer, the gravest first."""
    if header.stem != stem:
        return "NAME", f"the answer names another file, expected {stem!r}"
    found = conn.execute(
        "select rows, delivered_at is not null from outbox.file where file_stem = %s", (stem,)
    ).fetchone()
    if found is None:
        return "UNKNOWN_FILE", "no file of this name has left"
    rows, is_delivered = found
    if not is_delivered:
        return "NOT_DELIVERED", "the file was released and has not left: no answer is possible"
    counted = header.rows_ok + header.rows_failed
    if counted != rows and (header.status != "BAD" or counted):  # a file refused unread may be counted as 0
        return "COUNT", f"the answer counts {counted} rows, the file has {rows}"
    return None


def _load_rows(conn: psycopg.Connection, raw: BinaryIO, header: Header) -> None:
    """Copy the refused rows into a temporary table, one by one: only one is in memory."""
    conn.execute("drop table if exists pg_temp.refused")
    conn.execute("create temp table refused (line_no bigint, answer_key text, code text, message text) on commit drop")
    if header.refused:
        broken: AnswerError | None = None
        with conn.cursor().copy("copy pg_temp.refused (line_no, answer_key, code, message) from stdin") as copy:
            try:
                for line_no, row in enumerate(read_rows(raw, header), start=2):
                    copy.write_row((line_no, *row))
            except AnswerError as error:
                broken = error  # what was copied goes with the table
        if broken is not None:
            raise broken
    else:
        next(read_rows(raw, header), None)  # raises where a row follows


def _mistaken_rows(conn: psycopg.Connection, carrier: Carrier, stem: str, is_first: bool) -> Iterator[tuple[str, str]]:
    """Give (reason, detail) of what is wrong with the refused rows, the gravest first. Keys are not shown.

    `is_first` is False where the receipts say that another content stands for this file.
    """
    again = conn.execute(
        "select min(line_no) from (select line_no, row_number() over (partition by answer_key order by line_no) as nth "
        "from pg_temp.refused) as counted where nth > 1"
    ).fetchone()
    if again and again[0] is not None:
        yield "KEY", twice(again[0])
    unknown = conn.execute(
        "select case when length(code) <= %s then code else 'of line ' || min(line_no) end from pg_temp.refused "
        "where code <> all(%s) group by code order by code limit %s",
        (_CODE_SHOWN, list(carrier.answer_codes), _EXAMPLES),
    ).fetchall()
    if unknown:
        yield "CODE", f"codes {[row[0] for row in unknown]}: expected one of {sorted(carrier.answer_codes)}"
    strangers = conn.execute(
        "select line_no from pg_temp.refused as refused where not exists (select from outbox.item "
        "where item.file_stem = %s and item.answer_key = refused.answer_key) order by line_no limit %s",
        (stem, _EXAMPLES),
    ).fetchall()
    if strangers:
        yield "UNKNOWN_KEY", f"the keys of lines {[row[0] for row in strangers]} are not in the file"
    standing = conn.execute(
        "select status, received_on from raw.answer where file_stem = %s and state = 'LOADED'", (stem,)
    ).fetchone()
    if standing is not None:
        yield "CONTRADICTS", f"{standing[0]} was received on {standing[1]} and counts: ask the carrier"
    elif not is_first:
        yield (
            "CONTRADICTS",
            "another answer stood before the rebuild and is gone: put it back into ack/, ask the carrier",
        )


def _store(
    conn: psycopg.Connection, interface: str, stem: str, sha256: str, judged: _Judged, business_date: date
) -> None:
    # One row for each content: an answer that was quarantined before may be judged differently now.
    conn.execute("delete from raw.answer where file_stem = %s and sha256 = %s", (stem, sha256))
    answer = judged.header
    stored = conn.execute(
        "insert into raw.answer "
        "(answer_no, file_stem, interface, sha256, status, rows_ok, rows_failed, code, state, reason, detail, "
        "received_on) select coalesce(max(answer_no), 0) + 1, %s, %s, %s, %s, %s::bigint, %s::bigint, %s, %s, %s, %s, "
        "%s::date from raw.answer returning answer_no",
        (
            stem,
            interface,
            sha256,
            answer and answer.status,
            answer and answer.rows_ok,
            answer and answer.rows_failed,
            answer and answer.code,
            "SET_ASIDE" if judged.reason else "LOADED",
            judged.reason,
            judged.detail,
            business_date,
        ),
    ).fetchone()
    if answer is None or stored is None or judged.reason:
        return
    # a message may quote what could not be sent: of a file that carries secrets none is kept
    conn.execute(
        "insert into raw.answer_row (answer_no, line_no, answer_key, code, message) "
        "select %s, line_no, answer_key, code, case when not exists (select from outbox.item "
        "where item.file_stem = %s and secret_reference is not null) then message end "
        "from pg_temp.refused order by line_no",
        (stored[0], stem),
    )
