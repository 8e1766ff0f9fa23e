"""Take in the carrier's answers to our files: `ack/<interface>/<stem>.rsp` into `raw.answer` and `raw.answer_row`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import psycopg

from laoyouhui.config.carrier import Carrier
from laoyouhui.delivery.transport import Transport
from laoyouhui.exports.names import parse_stem
from laoyouhui.feeds.answers import LONGEST_ROW, Answer, AnswerError, parse_answer
from laoyouhui.pipeline.journal import Receipts
from laoyouhui.pipeline.waiting import Waiting, is_plain

_ENDING = ".rsp"
_EXAMPLES = 3
_NO_RECEIPTS = Receipts()


@dataclass(frozen=True)
class AnswersReport:
    """How many answers one run loaded, and how many it set aside."""

    loaded: int
    set_aside: int


@dataclass(frozen=True)
class _Judged:
    """An answer as received; `answer` is None when it could not be read, `reason` when it stands."""

    answer: Answer | None
    reason: str | None
    detail: str | None


def take_in_answers(
    conn: psycopg.Connection,
    transport: Transport,
    carrier: Carrier,
    business_date: date,
    waiting: Waiting,
    receipts: Receipts = _NO_RECEIPTS,
) -> AnswersReport:
    """Read the answers to the files of this warehouse's campaigns that are dated before `business_date`, each content
    once.

    What cannot stand is kept as SET_ASIDE with a reason: SIZE (more bytes than any answer has, and not read); those of
    `parse_answer`; CODE (a refused row's code that the
    carrier profile does not know); UNKNOWN_FILE (no such file left); COUNT (of other rows than the file has);
    UNKNOWN_KEY; CONTRADICTS (the file is answered already, otherwise). The first that holds is the reason. What is set
    aside is judged again by each run, and stands once its reason is mended. In a rebuild an answer waits for its
    receipt's date. What is no answer by its name goes to `waiting`. Works inside the caller's transaction.
    """
    loaded = set_aside = 0
    campaigns = {None} | {row[0] for row in conn.execute("select campaign_id from raw.campaign")}
    for interface, form in carrier.interfaces.items():
        most = form.max_rows * LONGEST_ROW
        for other in transport.others(f"ack/{interface}"):
            waiting.add(f"ack/{interface}/{other}", "NOT_A_FILE", "a folder, a link or a device, expected a file")
        for file in transport.list(f"ack/{interface}"):
            path = f"ack/{interface}/{file.name}"
            stem = file.name.removesuffix(_ENDING)
            named = parse_stem(interface, form, stem) if file.name.endswith(_ENDING) and is_plain(file.name) else None
            if named is None:
                waiting.add(path, "NAME", f"expected the name of a file of ours with {_ENDING}")
                continue
            if named.campaign_id not in campaigns or named.run_on >= business_date:
                continue  # another campaign's, or of a date that this run must not see
            try:
                with transport.open(path) as source:
                    raw = source.read(most + 1)
            except (FileNotFoundError, PermissionError) as error:
                waiting.add(path, "UNREADABLE", str(error))
                continue
            sha256 = hashlib.sha256(raw).hexdigest()
            if not receipts.allow(("answer", stem, sha256)):
                continue
            known = _known_as(conn, stem, sha256)
            if known == "LOADED":
                continue
            judged = (
                _judge(conn, carrier, stem, raw, receipts.answers.get(stem, sha256) == sha256)
                if len(raw) <= most
                else _Judged(None, "SIZE", f"more than {most} bytes, expected at most {LONGEST_ROW} a row")
            )
            if known is not None and judged.reason == known:
                continue
            with conn.transaction():
                _store(conn, interface, stem, sha256, judged, business_date)
            loaded += judged.reason is None
            set_aside += judged.reason is not None
    return AnswersReport(loaded, set_aside)


def _known_as(conn: psycopg.Connection, stem: str, sha256: str) -> str | None:
    """Give the reason why this very content was set aside, `LOADED` where it stands, None where it is new."""
    row = conn.execute(
        "select coalesce(reason, 'LOADED') from raw.answer where file_stem = %s and sha256 = %s", (stem, sha256)
    ).fetchone()
    return str(row[0]) if row else None


def _judge(conn: psycopg.Connection, carrier: Carrier, stem: str, raw: bytes, is_first: bool) -> _Judged:
    try:
        answer = parse_answer(raw)
    except AnswerError as error:
        return _Judged(None, error.reason, error.detail)
    reason, detail = next(_mistakes(conn, carrier, stem, answer, is_first), (None, None))
    return _Judged(answer, reason, detail)


def _mistakes(
    conn: psycopg.Connection, carrier: Carrier, stem: str, answer: Answer, is_first: bool
) -> Iterator[tuple[str, str]]:
    """Give (reason, detail) of what is wrong with a readable answer, the gravest first.

    `is_first` is False where the receipts say that another content stands for this file.
    """
    if answer.stem != stem:
        yield "NAME", f"the answer names file {answer.stem!r}, expected {stem!r}"
    unknown = sorted({row.code for row in answer.rows} - set(carrier.answer_codes))
    if unknown:
        yield "CODE", f"codes {unknown[:_EXAMPLES]}: expected one of {sorted(carrier.answer_codes)}"
    found = conn.execute("select rows from outbox.file where file_stem = %s", (stem,)).fetchone()
    if found is None:
        yield "UNKNOWN_FILE", "no file of this name has left"
        return
    counted = answer.rows_ok + answer.rows_failed
    if counted != found[0] and (answer.status != "BAD" or counted):  # a file refused unread may be counted as 0
        yield "COUNT", f"the answer counts {counted} rows, the file has {found[0]}"
    strangers = conn.execute(
        "select key from unnest(%s::text[]) as key except select answer_key from outbox.item where file_stem = %s "
        "order by key limit %s",
        ([row.key for row in answer.rows], stem, _EXAMPLES),
    ).fetchall()
    if strangers:
        yield "UNKNOWN_KEY", f"keys {[row[0] for row in strangers]} are not in the file"
    standing = conn.execute(
        "select status, received_on from raw.answer where file_stem = %s and state = 'LOADED'", (stem,)
    ).fetchone()
    if standing is not None:
        yield "CONTRADICTS", f"{standing[0]} was received on {standing[1]} and stands: ask the carrier"
    elif not is_first:
        yield (
            "CONTRADICTS",
            "another answer stood before the rebuild and is gone: put it back into ack/, ask the carrier",
        )


def _store(
    conn: psycopg.Connection, interface: str, stem: str, sha256: str, judged: _Judged, business_date: date
) -> None:
    # One row for each content: what was set aside before is judged otherwise now.
    conn.execute("delete from raw.answer where file_stem = %s and sha256 = %s", (stem, sha256))
    answer = judged.answer
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
    with conn.cursor().copy("copy raw.answer_row (answer_no, line_no, answer_key, code, message) from stdin") as copy:
        for line_no, row in enumerate(answer.rows, start=2):
            copy.write_row((stored[0], line_no, *row))
