"""A person's word: ask again, give up, choose, waive. Said by a command, kept in the journal, taken in by the next run.

    python -m laoyouhui.pipeline.words ask-again credit_lyh2026_20260204_0001 --by "Zhang San" --why "no answer"
    python -m laoyouhui.pipeline.words give-up credit_lyh2026_20260204_0001 --row <key> --by ... --why ...
    python -m laoyouhui.pipeline.words choose <recharge id> recharge_20260131_0001.txt 7 --by ... --why ...
    python -m laoyouhui.pipeline.words waive lyh2026/STOCK/POSTER/H010001 --by ... --why ...

docs/words.md tells when to say which, and what follows.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from laoyouhui.config.campaign import load_campaigns
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal, Receipts
from laoyouhui.warehouse.connection import connect

_TARGETS = {
    "ASK_AGAIN": ({"file_stem"}, {"row_key"}),
    "GIVE_UP": ({"file_stem"}, {"row_key"}),
    "CHOOSE": ({"recharge_id", "source_file", "source_line"}, set[str]()),
    "WAIVE": ({"readiness_line"}, set[str]()),
}
# one line of printable text: it stands in the ledger as a reason
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class WordError(Exception):
    """A word that cannot stand; the message says why and what to do."""


class Word(BaseModel):
    """One word. `row_key` is what the carrier's answer names a row by; without it the whole file is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ASK_AGAIN", "GIVE_UP", "CHOOSE", "WAIVE"]
    said_by: Line
    said_at: AwareDatetime
    why: Line
    file_stem: Line | None = None
    row_key: Line | None = None
    recharge_id: Line | None = None
    source_file: Line | None = None
    source_line: int | None = None
    readiness_line: Line | None = None

    @model_validator(mode="after")
    def _has_its_target(self) -> Word:
        needed, possible = _TARGETS[self.kind]
        given = {name for name in set[str]().union(*chain(*_TARGETS.values())) if getattr(self, name) is not None}
        if not needed <= given <= needed | possible:
            raise ValueError(f"{self.kind} names {sorted(given)}: expected {sorted(needed)}")
        return self

    def content(self) -> bytes:
        """The word as its file holds it."""
        return f"{self.model_dump_json(indent=2, exclude_none=True)}\n".encode()

    def file_name(self) -> str:
        """Name by time, then content: words are taken in in the order in which they were said."""
        said_at = self.said_at.astimezone(ZoneInfo("Asia/Shanghai"))
        return f"{said_at:%Y%m%dT%H%M%S}_{hashlib.sha256(self.content()).hexdigest()[:12]}.json"


class _Mistake(NamedTuple):
    """Why a word makes no sense: a reason for the list, a detail for the reader."""

    reason: str
    detail: str


@dataclass(frozen=True)
class WordsReport:
    """How many words one run loaded, and how many it set aside."""

    loaded: int
    set_aside: int


def say(settings: Settings, word: Word) -> str:
    """Keep a word for the next run; give its name in the journal. Raises WordError when it makes no sense now."""
    journal = Journal(settings, load_campaigns(settings.campaign_files)[0])
    with connect(settings.warehouse_dsn) as conn:
        begun = conn.execute("select to_regclass('ledger.sendings')").fetchone()
        if begun is None or begun[0] is None:
            raise WordError("no date was closed in this warehouse: there is nothing yet to say a word about")
        mistake = _mistake(conn, word, date.max)
        known = {row[0] for row in conn.execute("select file_name from raw.word")}
    if mistake:
        raise WordError(f"{mistake.reason}: {mistake.detail}")
    for name in journal.words():
        if name not in known and _says_the_same(journal.word(name), word):
            raise WordError(f"ALREADY_SAID: {name} says the same and waits for the next run")
    journal.add_word(word.file_name(), word.content())
    return word.file_name()


def take_in_words(conn: psycopg.Connection, journal: Journal, receipts: Receipts, business_date: date) -> WordsReport:
    """Take in the words that no run has read: from this date on they count, for good.

    What cannot stand is kept as SET_ASIDE with a reason: FORM (no word), or those of `_mistake`: the world may have
    changed since it was said. Works inside the caller's transaction, after the answers were read.
    """
    known = {row[0] for row in conn.execute("select file_name from raw.word")}
    loaded = set_aside = 0
    for name in journal.words():
        if name in known or not receipts.allow(("word", name)):
            continue
        word: Word | None = None
        mistake: _Mistake | None
        try:
            word = parse_word(journal.word(name))
            mistake = _mistake(conn, word, business_date)
        except WordError as error:
            mistake = _Mistake("FORM", str(error))
        _store(conn, name, word, mistake, business_date)
        loaded += mistake is None
        set_aside += mistake is not None
    return WordsReport(loaded, set_aside)


def parse_word(content: bytes) -> Word:
    """Read a word as its file holds it; WordError says what is wrong with it."""
    try:
        return Word.model_validate_json(content)
    except ValidationError as error:
        raise WordError(_spell(error)) from None


def _spell(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'word'}: {each['msg']}" for each in found)


def _store(
    conn: psycopg.Connection, name: str, word: Word | None, mistake: _Mistake | None, business_date: date
) -> None:
    said = word.model_dump() if word else dict.fromkeys(Word.model_fields)
    conn.execute(
        "insert into raw.word (file_name, kind, file_stem, row_key, recharge_id, source_file, "
        "source_line, readiness_line, said_by, said_at, why, state, reason, detail, received_on) "
        "values (%(file_name)s, %(kind)s, %(file_stem)s, %(row_key)s, %(recharge_id)s, "
        "%(source_file)s, %(source_line)s, %(readiness_line)s, %(said_by)s, %(said_at)s, %(why)s, %(state)s, "
        "%(reason)s, %(detail)s, %(received_on)s)",
        said
        | {
            "file_name": name,
            "state": "SET_ASIDE" if mistake else "LOADED",
            "reason": mistake and mistake.reason,
            "detail": mistake and mistake.detail,
            "received_on": business_date,
        },
    )


def _says_the_same(content: bytes, word: Word) -> bool:
    about = {"said_by", "said_at", "why"}
    try:
        return parse_word(content).model_dump(exclude=about) == word.model_dump(exclude=about)
    except WordError:
        return False


def _mistake(conn: psycopg.Connection, word: Word, business_date: date) -> _Mistake | None:
    """Give (reason, detail) of why a word makes no sense in the run of a date, None where it stands."""
    begun = conn.execute("select to_regclass('ledger.sendings')").fetchone()
    if begun is None or begun[0] is None:
        return _Mistake("UNKNOWN_FILE", "no date was closed in this warehouse before")
    if word.kind == "CHOOSE":
        return _mistaken_choice(conn, word, business_date)
    if word.kind == "WAIVE":
        return _mistaken_waiver(conn, word)
    return _mistaken_sending(conn, word)


def _mistaken_sending(conn: psycopg.Connection, word: Word) -> _Mistake | None:
    states = conn.execute(
        "select state, is_open, count(*) from ledger.sendings "
        "where file_stem = %(file)s and "
        "(%(row)s::text is null or answer_key = %(row)s) group by state, is_open order by state, is_open",
        {"file": word.file_stem, "row": word.row_key},
    ).fetchall()
    if not states:
        if word.row_key is not None:
            return _Mistake("UNKNOWN_ROW", f"no file {word.file_stem} with a row {word.row_key} has left")
        return _Mistake("UNKNOWN_FILE", f"no file {word.file_stem} has left: see marts.outbox_by_file")
    # a whole file answered is judged row by row: what is still open in it is named by its row
    open_states = {"UNANSWERED", "ASKED_AGAIN"} if word.row_key is None else {"UNANSWERED", "ASKED_AGAIN", "REFUSED"}
    if word.row_key is not None and word.kind == "GIVE_UP":
        open_states.add("RETRY")
    if word.kind == "ASK_AGAIN":
        open_states.discard("ASKED_AGAIN")
    if any(is_open and state in open_states for state, is_open, _ in states):
        return None
    found = ", ".join(f"{count} {state}{'' if is_open else ' and settled'}" for state, is_open, count in states)
    return _Mistake("NOT_OPEN", f"nothing of it waits for such a word ({found}): see ledger.sendings")


def _mistaken_choice(conn: psycopg.Connection, word: Word, business_date: date) -> _Mistake | None:
    dispute = conn.execute(
        "select is_open from intermediate.int_recharge__disputes where recharge_id = %s and found_on < %s",
        (word.recharge_id, business_date),
    ).fetchone()
    if dispute is None:
        return _Mistake(
            "NO_CONFLICT", f"recharge {word.recharge_id} is in no conflict: see marts.exceptions, RECHARGE_CONFLICT"
        )
    if not dispute[0]:
        return _Mistake("CHOSEN", f"a row of recharge {word.recharge_id} was chosen already: a choice is final")
    row = {"recharge": word.recharge_id, "file": word.source_file, "line": word.source_line}
    chosen = conn.execute(
        "select 1 from intermediate.int_recharge__events "
        "where recharge_id = %(recharge)s and source_file = %(file)s and source_line = %(line)s",
        row,
    ).fetchone()
    if chosen is None:
        return _Mistake(
            "UNKNOWN_ROW",
            f"{word.source_file} line {word.source_line} is no row of recharge {word.recharge_id}: "
            "expected a file and line of marts.exceptions, RECHARGE_CONFLICT",
        )
    settled = conn.execute(
        "select source_file, source_line from ledger.recharge_decisions "
        "where recharge_id = %(recharge)s and reason = 'GRANTED' "
        "union all select source_file, source_line from intermediate.int_recharge__reversals "
        "where reversal_id = %(recharge)s",
        row,
    ).fetchall()
    if any(each != (word.source_file, word.source_line) for each in settled):
        return _Mistake(
            "SETTLED",
            f"{settled[0][0]} line {settled[0][1]} was decided before the other row came, and decisions are final: "
            "choose it, and let the carrier reverse it and deliver the true one under an id of its own",
        )
    return None


def _mistaken_waiver(conn: psycopg.Connection, word: Word) -> _Mistake | None:
    line = conn.execute(
        "select lines.is_ready, lines.is_met, launches.starts_on from intermediate.int_readiness__lines as lines "
        # a launch that was not released is judged again
        "left join (intermediate.int_campaign__launches as launches join raw.run as runs "
        "on runs.business_date = launches.run_on and runs.passes_released >= launches.pass_no) "
        "using (campaign_id) where lines.line = %s",
        (word.readiness_line,),
    ).fetchone()
    if line is None:
        return _Mistake("UNKNOWN_LINE", f"nothing called {word.readiness_line} has to be ready: see marts.readiness")
    is_ready, is_met, launched_for = line
    if launched_for is not None:
        return _Mistake("LAUNCHED", f"the campaign was launched for {launched_for}: nothing waits for the line")
    if is_ready:
        return _Mistake("NOT_OPEN", f"{word.readiness_line} is {'met' if is_met else 'waived already'}")
    return None


def read_command(arguments: Sequence[str] | None, said_at: datetime) -> Word:
    """Read a command line. Raises ValidationError when who or why is empty; ends the process as argparse does."""
    parser = argparse.ArgumentParser(prog="laoyouhui.pipeline.words", description="Say a word that the next run reads.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, told in (("ask-again", "send again what is not answered"), ("give-up", "end what is owed or committed")):
        command = kinds.add_parser(kind, help=told)
        command.add_argument("file_stem", metavar="FILE", help="name of a file in out/, such as credit_..._0001")
        command.add_argument("--row", dest="row_key", metavar="KEY", help="one row of it: grant_key, message_key, ...")
    command = kinds.add_parser("choose", help="choose a row of a recharge in conflict")
    command.add_argument("recharge_id", metavar="RECHARGE")
    command.add_argument("source_file", metavar="FILE", help="source_file of marts.exceptions")
    command.add_argument("source_line", metavar="LINE", type=int, help="source_line of marts.exceptions")
    command = kinds.add_parser("waive", help="let the campaign be launched without a line that is not ready")
    command.add_argument("readiness_line", metavar="LINE", help="line of marts.readiness, such as lyh2026/STOCK/POSTER")
    for command in kinds.choices.values():
        command.add_argument("--by", dest="said_by", metavar="WHO", required=True, help="who says it")
        command.add_argument("--why", required=True, help="why; it stands in the ledger")
    given = vars(parser.parse_args(arguments))
    given["kind"] = given["kind"].replace("-", "_").upper()
    return Word(said_at=said_at, **given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Say the word of a command line; return the exit code: 0 kept, 2 refused."""
    try:
        now = datetime.now(ZoneInfo("Asia/Shanghai")).replace(microsecond=0)
        name = say(Settings.from_env(), read_command(arguments, now))
    except ValidationError as error:
        sys.stderr.write(f"refused: {_spell(error)}\n")
        return 2
    except (WordError, ConfigError) as error:
        sys.stderr.write(f"refused: {error}\n")
        return 2
    sys.stdout.write(f"{name}: the next run reads it\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
