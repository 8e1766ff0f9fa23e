"""Take in: what the carrier delivered up to a business date is checked and loaded into `raw`, each file once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import BinaryIO

import psycopg

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.carrier import Carrier, Feed, load_carrier
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import RemoteFile, SftpSettings, Transport, open_transport
from laoyouhui.feeds.checkfile import LONGEST_CHECK_FILE, Check, CheckFileError, check_line, parse_check
from laoyouhui.feeds.names import FileDate, parse_stem
from laoyouhui.feeds.scan import FileScan, Verdict
from laoyouhui.pipeline.accept_campaigns import campaigns_of_run, refuse_frozen_changes
from laoyouhui.pipeline.answers import take_in_answers
from laoyouhui.pipeline.campaign_files import running_campaigns
from laoyouhui.pipeline.due import require_due
from laoyouhui.pipeline.journal import Journal, Receipts
from laoyouhui.pipeline.waiting import Waiting, is_plain
from laoyouhui.pipeline.words import take_in_words
from laoyouhui.warehouse.connection import connect, hold_warehouse
from laoyouhui.warehouse.load import analyze, copy_lines, forget_older_snapshot
from laoyouhui.warehouse.prepare import create_schema, prepare
from laoyouhui.warehouse.readers import readers_give_way

log = logging.getLogger(__name__)

_UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError)  # of one file; any other OSError ends the run


class TakeInError(Exception):
    """The business date cannot be taken in now; the message says why and what to do."""


@dataclass(frozen=True)
class Taken:
    """A file that one run took in, as `raw.delivery` keeps it; `reason` is None where it was loaded."""

    feed: str
    file_name: str
    rows_received: int
    rows_loaded: int
    rows_set_aside: int
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class TakeInReport:
    """What one run took in. `is_closed`: a later date was begun already, so nothing was taken in."""

    business_date: date
    pass_no: int
    is_closed: bool
    files: tuple[Taken, ...]
    answers_loaded: int
    answers_set_aside: int
    words_loaded: int = 0
    words_set_aside: int = 0


@dataclass(frozen=True)
class _Found:
    """A data file beside its check file; `refused` says why the two cannot be compared at all."""

    path: str
    data: RemoteFile
    names: FileDate
    check_line: str
    check: Check | None
    refused: Verdict | None


def take_in(settings: Settings, business_date: date, *, sftp: SftpSettings | None = None) -> TakeInReport:
    """Begin the run that closes `business_date`, and load every file up to it that was not loaded before.

    Each file is one transaction: its rows, its bad rows and its delivery stand together or not at all. A file that does
    not agree with its check file is set aside whole, with the reason, and looked at again once one of the two changes.
    What lies in the exchange and is no delivery is noted in `raw.waiting`.
    Then the carrier's answers are read, then people's words. What has a receipt in the journal waits for its date.

    Raises:
        ConfigError: the campaign file or the carrier profile is wrong, or changes what released dates were decided by.
        TakeInError: dates would be closed out of their order.
        NotDueError: the date is not over, or leaves a gap.
        JournalError: the journal cannot be read, or is broken.
        RunningError: another run is at work.
    """
    load_campaigns(settings.campaign_files)  # a file that is wrong as it stands is told before anything is begun
    with readers_give_way(settings.warehouse_dsn), connect(settings.warehouse_dsn, autocommit=True) as conn:
        hold_warehouse(conn, "take_in", business_date)
        create_schema(conn)
        journal = Journal(settings, load_campaigns(settings.campaign_files)[0])
        require_due(conn, settings, journal, running_campaigns(settings, conn)[0].people, business_date)
        refuse_frozen_changes(conn, settings)
        pass_no, is_closed = _begin(conn, business_date)
        if is_closed:
            log.info("%s is released and a later date was begun: nothing is taken in", business_date)
            return TakeInReport(business_date, pass_no, is_closed=True, files=(), answers_loaded=0, answers_set_aside=0)
        receipts = journal.receipts(business_date, pass_no)
        campaigns = campaigns_of_run(conn, settings, journal, receipts, business_date)
        carrier = load_carrier(campaigns[0].carrier_file)
        prepare(conn, carrier, *campaigns)
        waiting = Waiting()
        limit_bp = _bad_rows_limit_bp(campaigns[0], business_date)
        intake = _Intake(conn, carrier, business_date, pass_no, limit_bp, waiting, receipts)
        with open_transport(settings.exchange, sftp) as transport:
            files = [taken for name, feed in carrier.feeds.items() for taken in intake.take_feed(transport, name, feed)]
            intake.note_undeclared(transport)
            with conn.transaction():
                answers = take_in_answers(conn, transport, carrier, business_date, waiting, receipts)
                words = take_in_words(conn, journal, campaigns[0].people, receipts, business_date)
                if answers.loaded or answers.set_aside or words.loaded or words.set_aside:
                    _say_not_empty(conn)
        waiting.store(conn, business_date)
        analyze(conn, {taken.feed for taken in files})
        log.info("%s: %d files, %d answers", business_date, len(files), answers.loaded + answers.set_aside)
    return TakeInReport(
        business_date,
        pass_no,
        is_closed=False,
        files=tuple(files),
        answers_loaded=answers.loaded,
        answers_set_aside=answers.set_aside,
        words_loaded=words.loaded,
        words_set_aside=words.set_aside,
    )


def _begin(conn: psycopg.Connection, business_date: date) -> tuple[int, bool]:
    """Point `raw.current_run` at the date's next pass; give its number and whether the date is closed for good.

    No clock is asked: a pass is open where it was begun and its number is not counted as released.
    """
    with conn.transaction():
        released: dict[date, int] = dict(conn.execute("select business_date, passes_released from raw.run").fetchall())
        passes = released.get(business_date, 0)
        if passes and max(released) > business_date:
            return passes, True
        begun = conn.execute(
            "select business_date, state = 'EMPTY' from raw.current_run join raw.run using (business_date) "
            "where pass_no > passes_released"
        ).fetchone()
        open_date, is_empty = begun or (None, False)
        is_retry = open_date == business_date
        if open_date is not None and not is_retry and not is_empty:
            raise TakeInError(
                f"{business_date}: {open_date} was begun and is not released: dates are closed in order. "
                f"Run {open_date} again first; where its gate fails, mend what it names"
            )
        if business_date not in released and released and business_date < max(released):
            raise TakeInError(
                f"{business_date}: {max(released)} was closed before it, and it was never begun: dates are closed in "
                "order. Its files are taken in with the next date; to close every date, rebuild in a new warehouse"
            )
        conn.execute(
            "insert into raw.run (business_date, started_at) values (%s, now()) "
            "on conflict (business_date) do update set started_at = excluded.started_at",
            (business_date,),
        )
        is_new_and_empty = passes and not is_retry
        conn.execute(
            "insert into raw.current_run (business_date, pass_no, is_retry, state) values (%s, %s, %s, %s) "
            'on conflict ("only") do update set business_date = excluded.business_date, pass_no = excluded.pass_no, '
            "is_retry = excluded.is_retry, state = excluded.state",
            (business_date, passes + 1, is_retry, "EMPTY" if is_empty or is_new_and_empty else "TAKEN_IN"),
        )
    return passes + 1, False


def _say_not_empty(conn: psycopg.Connection) -> None:
    """Something new has come in this pass: the next date waits until it is released."""
    conn.execute("update raw.current_run set state = 'TAKEN_IN' where state = 'EMPTY'")


def _bad_rows_limit_bp(campaign: Campaign, business_date: date) -> int:
    valid = [version for version in campaign.versions if version.effective_from <= business_date]
    limit_bp: int = (valid or campaign.versions[:1])[-1].terms["intake"]["bad_rows_limit_bp"]
    return limit_bp


@dataclass(frozen=True)
class _Intake:
    """What holds for every file of one run."""

    conn: psycopg.Connection
    carrier: Carrier
    business_date: date
    pass_no: int
    limit_bp: int
    waiting: Waiting
    receipts: Receipts

    def note_undeclared(self, transport: Transport) -> None:
        """Note what lies in `in/` itself and is no folder of a feed."""
        strangers = {*transport.others("in"), *(file.name for file in transport.list("in"))} - self.carrier.feeds.keys()
        for stranger in strangers:
            declared = ", ".join(sorted(self.carrier.feeds))
            self.waiting.add(f"in/{stranger}", "UNDECLARED", f"expected a folder of one of the feeds {declared}")

    def take_feed(self, transport: Transport, name: str, feed: Feed) -> Iterator[Taken]:
        """Take in the files of one feed that are new, in the order of their dates and numbers."""
        for found in self._new_files(transport, name, feed):
            log.info("%s: reading %s, %d bytes", name, found.data.name, found.data.size)
            try:
                with self.conn.transaction(), transport.open(found.path) as source:
                    taken = self._take_file(source, name, feed, found)
                    _say_not_empty(self.conn)
            except _UNREADABLE as error:
                self.waiting.add(found.path, "UNREADABLE", str(error))
                continue
            log.info("%s", taken)
            yield taken
        if feed.kind == "snapshot":
            forget_older_snapshot(self.conn, name, self.business_date)

    def _new_files(self, transport: Transport, name: str, feed: Feed) -> list[_Found]:
        """The files up to the business date that were neither loaded before nor stayed as they were set aside."""
        folder, check_form = f"in/{name}", self.carrier.check_file
        files = self._plain_files(transport, folder)
        known = self._known(name)
        found, partners = [], set()
        for check_name in files:
            stem = check_name.removesuffix(check_form.suffix)
            if stem == check_name:
                continue
            delivered = [files[data] for data in self._data_names(stem) if data in files]
            if self._waits_for_its_date(f"{folder}/{check_name}", stem, name, feed):
                partners |= {file.name for file in delivered}
                continue
            if not delivered:
                self.waiting.add(f"{folder}/{check_name}", "NO_DATA", f"expected {self._data_names(stem)[0]} beside it")
                continue
            try:
                with transport.open(f"{folder}/{check_name}") as file:
                    line = file.read(LONGEST_CHECK_FILE + 1)
            except _UNREADABLE as error:
                self.waiting.add(f"{folder}/{check_name}", "UNREADABLE", str(error))
                partners |= {file.name for file in delivered}
                continue
            pair = self._paired(folder, check_name, line, delivered, parse_stem(stem, name, feed), feed)
            partners.add(pair.data.name)
            if not self.receipts.allow(("file", name, pair.data.name, pair.check_line)):
                log.info("%s: %s waits for the date of its receipt", name, pair.data.name)
            elif self._is_new(pair, known):
                found.append(pair)
        for data_name in files.keys() - partners:
            self._note_alone(folder, data_name, name, feed)
        return sorted(found, key=lambda file: (file.names, file.data.name))

    def _plain_files(self, transport: Transport, folder: str) -> dict[str, RemoteFile]:
        """The files of a folder by name; whatever else lies there is noted."""
        for other in transport.others(folder):
            self.waiting.add(f"{folder}/{other}", "NOT_A_FILE", "a folder, a link or a device, expected a file")
        files = {}
        for file in transport.list(folder):
            if is_plain(file.name):
                files[file.name] = file
            else:
                self.waiting.add(f"{folder}/{file.name}", "NAME", "expected printable characters without / and \\")
        return files

    def _data_names(self, stem: str) -> tuple[str, str]:
        suffix = self.carrier.files.suffix
        return f"{stem}{suffix}", f"{stem}{suffix}.gz"

    def _waits_for_its_date(self, path: str, stem: str, name: str, feed: Feed) -> bool:
        """Whether a file is of a later run. One dated the day on which this run works may be there; none after it."""
        names = parse_stem(stem, name, feed)
        if names is None or names.business_date <= self.business_date:
            return False
        if names.business_date > self.business_date + timedelta(days=1):
            self.waiting.add(path, "LATER", f"dated {names.business_date}, the run closes {self.business_date}")
        return True

    def _note_alone(self, folder: str, file_name: str, name: str, feed: Feed) -> None:
        """Note a file that no check file names."""
        suffix, check_suffix = self.carrier.files.suffix, self.carrier.check_file.suffix
        stem = file_name.removesuffix(".gz").removesuffix(suffix)
        if file_name.endswith(check_suffix) or self._waits_for_its_date(f"{folder}/{file_name}", stem, name, feed):
            return
        if file_name in self._data_names(stem):
            self.waiting.add(f"{folder}/{file_name}", "NO_CHECK", f"expected {stem}{check_suffix}, which names it")
        else:
            self.waiting.add(f"{folder}/{file_name}", "NAME", f"expected {feed.file_pattern} with {suffix}")

    def _paired(
        self, folder: str, check_name: str, line: bytes, delivered: list[RemoteFile], names: FileDate | None, feed: Feed
    ) -> _Found:
        """A check file and the data file that it names, or else the one that lies beside it."""
        check, refused = None, None
        try:
            check = parse_check(line, self.carrier.check_file)
        except CheckFileError as error:
            refused = Verdict("CHECK_FILE", f"{check_name}: {error}")
        data = next((file for file in delivered if check and file.name == check.file), delivered[0])
        if names is None:
            refused = Verdict(
                "NAME",
                f"the name is not of the form {feed.file_pattern}{self.carrier.files.suffix}, with a date yyyymmdd",
            )
        elif check and check.file != data.name:
            refused = Verdict("NAME", f"{check_name} names the file {check.file}, expected {data.name}")
        names = names or FileDate(self.business_date, 0)  # a row of a table needs a date
        return _Found(f"{folder}/{data.name}", data, names, check_line(line), check, refused)

    def _is_new(self, found: _Found, known: dict[tuple[str, str], tuple[str, int, int]]) -> bool:
        state, size, mtime_ns = known.get((found.data.name, found.check_line), ("NEW", -1, -1))
        if state == "LOADED" and size != found.data.size:
            detail = f"loaded with {size} bytes, has {found.data.size} now; what was loaded stands"
            self.waiting.add(found.path, "CHANGED", detail)
        return state == "NEW" or (state == "SET_ASIDE" and (size, mtime_ns) != (found.data.size, found.data.mtime_ns))

    def _known(self, name: str) -> dict[tuple[str, str], tuple[str, int, int]]:
        """What was taken in before, by (file name, check line): state, size and time of change when it was judged."""
        return {
            (file_name, line): (state, size, mtime_ns)
            for file_name, line, state, size, mtime_ns in self.conn.execute(
                "select file_name, check_line, state, bytes, mtime_ns from raw.delivery "
                "where feed = %s order by delivery_no",
                (name,),
            )
        }

    def _take_file(self, source: BinaryIO, name: str, feed: Feed, found: _Found) -> Taken:
        """Load one file and record what became of it, inside the caller's transaction."""
        delivery_no = self._next_delivery_no()
        if feed.kind == "snapshot":
            forget_older_snapshot(self.conn, name, self.business_date)
        scan = FileScan(
            feed,
            self.carrier.files,
            None if found.refused else found.check,
            self.limit_bp,
            closes=found.names.business_date,
            size=found.data.size,
        )
        blocks = (
            (judged.numbers, judged.lines)
            for judged in scan.judged(source, gzipped=found.data.name.endswith(".gz"))
            if not scan.hopeless
        )
        with self.conn.transaction() as loading:
            loaded = copy_lines(
                self.conn, name, feed, self.carrier.files.delimiter, delivery_no, blocks,
                sha256=found.check.sha256 if found.check else "",
            )  # fmt: skip
            if found.refused or scan.verdict():
                raise psycopg.Rollback(loading)  # what was loaded so far goes again
        verdict = found.refused or scan.verdict()
        taken = Taken(
            feed=name,
            file_name=found.data.name,
            rows_received=scan.rows,
            rows_loaded=0 if verdict else loaded,
            rows_set_aside=scan.rows if verdict else scan.bad_rows,
            reason=verdict.reason if verdict else None,
            detail=verdict.detail if verdict else scan.note(),
        )
        self._record(delivery_no, found, scan, taken)
        return taken

    def _next_delivery_no(self) -> int:
        # counted, not drawn from the sequence, which loses numbers when a run or the server dies: models keep it
        row = self.conn.execute("select coalesce(max(delivery_no), 0) + 1 from raw.delivery").fetchone()
        if row is None:
            raise AssertionError("a select of a value gives a row")
        return int(row[0])

    def _record(self, delivery_no: int, found: _Found, scan: FileScan, taken: Taken) -> None:
        self.conn.execute(
            """
            insert into raw.delivery
                (delivery_no, feed, file_name, business_date, seq, check_line, bytes, sha256, rows_received,
                rows_loaded, rows_set_aside, control_total, state, reason, detail, received_on, pass_no, mtime_ns)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                delivery_no,
                taken.feed,
                taken.file_name,
                found.names.business_date,
                found.names.seq,
                found.check_line,
                scan.bytes,
                scan.sha256,
                taken.rows_received,
                taken.rows_loaded,
                taken.rows_set_aside,
                found.check.control_total if found.check else None,
                "SET_ASIDE" if taken.reason else "LOADED",
                taken.reason,
                taken.detail,
                self.business_date,
                self.pass_no,
                found.data.mtime_ns,
            ),
        )
        with self.conn.cursor().copy(
            "copy raw.set_aside_row (delivery_no, line_no, reason, field, expected, raw_text, raw_bytes) from stdin"
        ) as copy:
            for row in scan.bad:
                copy.write_row((delivery_no, row.line_no, row.reason, row.field, row.expected, row.text, row.raw))
