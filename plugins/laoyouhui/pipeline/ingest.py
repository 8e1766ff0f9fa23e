"""Ingest: what the carrier delivered up to a business date is checked and loaded into `raw`, each file once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import BinaryIO

import psycopg

from laoyouhui.config.campaign import Campaign, judge_campaigns
from laoyouhui.config.carrier import Carrier, Feed, load_carrier
from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import (
    RemoteFile,
    SftpSettings,
    Transport,
    TransportError,
    UnreadableError,
    open_transport,
)
from laoyouhui.feeds.checkfile import LONGEST_CHECK_FILE, Check, CheckFileError, check_line, parse_check
from laoyouhui.feeds.masks import Masks, digest
from laoyouhui.feeds.names import FileDate, parse_stem
from laoyouhui.feeds.scan import FileScan, Verdict
from laoyouhui.pipeline.accept_campaigns import campaigns_of_run, refuse_frozen_changes
from laoyouhui.pipeline.answers import ingest_answers
from laoyouhui.pipeline.campaign_files import running_campaigns
from laoyouhui.pipeline.due import require_due
from laoyouhui.pipeline.journal import Journal, Receipts, verify_chain
from laoyouhui.pipeline.overrides import ingest_overrides, read_overrides
from laoyouhui.pipeline.waiting import Waiting, is_plain
from laoyouhui.warehouse.connection import connect, lock_warehouse
from laoyouhui.warehouse.load import analyze, copy_lines, forget_older_snapshot
from laoyouhui.warehouse.prepare import create_schema, prepare
from laoyouhui.warehouse.readers import readers_give_way
from laoyouhui.warehouse.roles import work_as

log = logging.getLogger(__name__)

_UNREADABLE = (UnreadableError, FileNotFoundError, PermissionError)  # of one file; any other error ends the run
_OLDEST_DAYS = 731  # before the first campaign begins
_TELLING_ROWS = 100  # of the snapshot before: a share of fewer says nothing, as in expectations/intake.yml


class IngestError(Exception):
    """The business date cannot be ingested now; the message says why and what to do."""


@dataclass(frozen=True)
class IngestedFile:
    """A file that one run ingested, as `raw.delivery` keeps it; `reason` is None where it was loaded."""

    feed: str
    file_name: str
    rows_received: int
    rows_loaded: int
    rows_quarantined: int
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class IngestReport:
    """What one run ingested. `is_closed`: a later date was begun already, so nothing was ingested."""

    business_date: date
    attempt_no: int
    is_closed: bool
    files: tuple[IngestedFile, ...]
    answers_loaded: int
    answers_quarantined: int
    overrides_loaded: int = 0
    overrides_quarantined: int = 0


@dataclass(frozen=True)
class _Last:
    """The last file ingested under a stem: as it was when it was judged."""

    file_name: str
    check_line: str
    state: str
    size: int
    mtime_ns: int

    def is_loaded(self, file_name: str, file: RemoteFile) -> bool:
        """Whether this is the file that was loaded, untouched since."""
        return (self.state, self.file_name, self.size, self.mtime_ns) == (
            "LOADED", file_name, file.size, file.mtime_ns
        )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """A data file beside its check file; `refused` says why the two cannot be compared at all.

    `path` and `name` are as they are shown and kept, `opened` is what is opened; `check_line` is what is kept of the
    check file: a digest where it cannot be read.
    """

    path: str
    opened: str
    name: str
    data: RemoteFile
    names: FileDate
    check_line: str
    check: Check | None
    refused: Verdict | None


@private
def ingest(settings: Settings, business_date: date, *, sftp: SftpSettings | None = None) -> IngestReport:
    """Begin the run that closes `business_date`, and load every file up to it that was not loaded before.

    Each file is one transaction: its rows, its bad rows and its delivery are stored together or not at all. A file that
    disagrees with its check file is quarantined whole, with the reason, and judged again once one of the two changes.
    Anything in the exchange that is not a delivery is noted in `raw.waiting`. Then the carrier's answers are read, then
    manual overrides. A file with a receipt in the journal waits for its date, and is listed. No link in the exchange is
    followed. A name or line that may hold a secret is kept as a digest.

    Raises:
        ConfigError: the campaign file or the carrier profile is wrong, or changes what released dates were decided by.
        IngestError: dates would be closed out of their order.
        NotDueError: the date is not over, or leaves a gap.
        JournalError: the journal cannot be read or is broken, or holds receipts that are not this warehouse's.
        TransportError: the exchange cannot be reached, or its `in/` cannot be listed.
        RunningError: another run is at work.
    """
    # a wrong file is reported before anything is begun
    declared, warnings = judge_campaigns(settings.campaign_files)
    for warning in warnings:
        log.warning("%s", warning)
    with readers_give_way(settings.warehouse_dsn), connect(settings.warehouse_dsn, autocommit=True) as conn:
        lock_warehouse(conn, "ingest", business_date)
        create_schema(conn)
        work_as(conn, "ingest")  # whose role it may just have made
        journal = Journal(settings, declared[0])
        with journal.locked():
            verify_chain(conn, journal)
        require_due(conn, settings, journal, running_campaigns(settings, conn)[0].people, business_date)
        refuse_frozen_changes(conn, settings)
        attempt_no, is_closed = _begin(conn, business_date)
        if is_closed:
            log.info("%s is released and a later date was begun: nothing is ingested", business_date)
            return IngestReport(
                business_date, attempt_no, is_closed=True, files=(), answers_loaded=0, answers_quarantined=0
            )
        receipts = journal.receipts(business_date, attempt_no)
        campaigns = campaigns_of_run(conn, settings, journal, receipts, business_date)
        carrier = load_carrier(campaigns[0].carrier_file)
        prepare(conn, carrier, *campaigns)
        masks = Masks(carrier, *(campaign.campaign_id for campaign in campaigns))
        waiting = Waiting(masks)
        limit_bp = _bad_rows_limit_bp(campaigns[0], business_date)
        intake = _Intake(
            conn, carrier, business_date, attempt_no, limit_bp, oldest_date(campaigns), waiting, receipts, masks
        )
        with open_transport(settings.exchange, sftp) as transport:
            intake.note_undeclared(transport)
            files = [file for name, feed in carrier.feeds.items() for file in intake.ingest_feed(transport, name, feed)]
            with conn.transaction():
                answers = ingest_answers(conn, transport, carrier, business_date, waiting, receipts)
                overrides = ingest_overrides(conn, journal, campaigns[0].people, receipts, business_date)
                for override in read_overrides(journal):
                    if held := receipts.held_back(override.key) if override.counts_by else None:
                        waiting.add(f"journal/overrides/{override.name}", "RECEIPT", held)
                if answers.loaded or answers.quarantined or overrides.loaded or overrides.quarantined:
                    _say_not_empty(conn)
        waiting.store(conn, business_date)
        analyze(conn, {file.feed for file in files})
        log.info("%s: %d files, %d answers", business_date, len(files), answers.loaded + answers.quarantined)
    return IngestReport(
        business_date,
        attempt_no,
        is_closed=False,
        files=tuple(files),
        answers_loaded=answers.loaded,
        answers_quarantined=answers.quarantined,
        overrides_loaded=overrides.loaded,
        overrides_quarantined=overrides.quarantined,
    )


def _begin(conn: psycopg.Connection, business_date: date) -> tuple[int, bool]:
    """Point `raw.current_run` at the date's next attempt; give its number and whether the date is closed for good.

    No clock is involved: an attempt is open if it was begun and its number is not counted as released.
    """
    with conn.transaction():
        released: dict[date, int] = dict(
            conn.execute("select business_date, attempts_released from raw.run").fetchall()
        )
        attempts = released.get(business_date, 0)
        if attempts and max(released) > business_date:
            return attempts, True
        begun = conn.execute(
            "select business_date, state = 'EMPTY' from raw.current_run join raw.run using (business_date) "
            "where attempt_no > attempts_released"
        ).fetchone()
        open_date, is_empty = begun or (None, False)
        is_retry = open_date == business_date
        if open_date is not None and not is_retry and not is_empty:
            raise IngestError(
                f"{business_date}: {open_date} was begun and is not released: dates are closed in order. "
                f"Run {open_date} again first; if its gate fails, fix what it names"
            )
        if business_date not in released and released and business_date < max(released):
            raise IngestError(
                f"{business_date}: {max(released)} was closed before it, and it was never begun: dates are closed in "
                "order. Its files are ingested with the next date"
            )
        conn.execute(
            "insert into raw.run (business_date, started_at) values (%s, now()) "
            "on conflict (business_date) do update set started_at = excluded.started_at",
            (business_date,),
        )
        is_new_and_empty = attempts and not is_retry
        conn.execute(
            "insert into raw.current_run (business_date, attempt_no, is_retry, state) values (%s, %s, %s, %s) "
            'on conflict ("only") do update set business_date = excluded.business_date, attempt_no = '
            "excluded.attempt_no, "
            "is_retry = excluded.is_retry, state = excluded.state",
            (business_date, attempts + 1, is_retry, "EMPTY" if is_empty or is_new_and_empty else "TAKEN_IN"),
        )
    return attempts + 1, False


def _say_not_empty(conn: psycopg.Connection) -> None:
    """Something new has come in this attempt: the next date waits until it is released."""
    conn.execute("update raw.current_run set state = 'TAKEN_IN' where state = 'EMPTY'")


def oldest_date(campaigns: Sequence[Campaign]) -> date:
    """The earliest date that a file may have: the planner needs a year before the launch, and gets two."""
    first = min(campaign.starts_on for campaign in campaigns)
    return first - timedelta(days=_OLDEST_DAYS)


def _bad_rows_limit_bp(campaign: Campaign, business_date: date) -> int:
    valid = [version for version in campaign.versions if version.effective_from <= business_date]
    limit_bp: int = (valid or campaign.versions[:1])[-1].terms["intake"]["bad_rows_limit_bp"]
    return limit_bp


@dataclass(frozen=True)
class _Intake:
    """What all files of one run share."""

    conn: psycopg.Connection
    carrier: Carrier
    business_date: date
    attempt_no: int
    limit_bp: int
    oldest: date  # dates of files from here on can be
    waiting: Waiting
    receipts: Receipts
    masks: Masks

    def note_undeclared(self, transport: Transport) -> None:
        """Note everything in `in/` itself that is not a feed's folder, and everything in place of a folder of
        `out/`.
        """
        try:
            found = transport.look("in")
        except UnreadableError as error:
            raise TransportError(f"{error}. Nothing can be ingested before that") from error
        for stranger in {*found.others, *(file.name for file in found.files)} - self.carrier.feeds.keys():
            declared = ", ".join(sorted(self.carrier.feeds))
            self.waiting.add_stranger("in", stranger, "UNDECLARED", f"expected a folder of one of the feeds {declared}")
        for folder in ("out", *(f"out/{interface}" for interface in self.carrier.interfaces)):
            try:
                transport.require_folder(folder)
            except UnreadableError as error:
                self.waiting.add_folder(folder, error)
                if folder == "out":
                    break

    def ingest_feed(self, transport: Transport, name: str, feed: Feed) -> Iterator[IngestedFile]:
        """Ingest the files of one feed that are new, in the order of their dates and numbers."""
        for found in self._new_files(transport, name, feed):
            log.info("%s: reading %s, %d bytes", name, found.name, found.data.size)
            try:
                with self.conn.transaction(), transport.open(found.opened) as source:
                    taken = self._ingest_file(source, name, feed, found)
                    _say_not_empty(self.conn)
            except _UNREADABLE as error:
                self.waiting.add(found.path, "UNREADABLE", self._without_name(error, found.data.name, found.name))
                continue
            log.info("%s", taken)
            yield taken
        if feed.kind == "snapshot":
            forget_older_snapshot(self.conn, name, self.business_date)

    def _new_files(self, transport: Transport, name: str, feed: Feed) -> list[_Found]:
        """The files up to the business date that were neither loaded last under their name nor stayed as
        quarantined."""
        folder, check_form = f"in/{name}", self.carrier.check_file
        files = self._plain_files(transport, name, feed)
        last = self._last_deliveries(name)
        found, partners = [], set()
        for check_name in files:
            stem = check_name.removesuffix(check_form.suffix)
            if stem == check_name:
                continue
            shown = self._shown(check_name, stem, name, feed)
            delivered = [files[data] for data in self._data_names(stem) if data in files]
            partners |= {file.name for file in delivered}
            if self._is_of_another_time(f"{folder}/{shown}", stem, name, feed):
                continue
            try:
                with transport.open(f"{folder}/{check_name}") as file:
                    line = file.read(LONGEST_CHECK_FILE + 1)
            except _UNREADABLE as error:
                self.waiting.add(f"{folder}/{shown}", "UNREADABLE", self._without_name(error, check_name, shown))
                continue
            if not delivered:
                before = last.get(stem)
                if before is None or before.state != "LOADED" or before.check_line != self._kept(line, name, feed)[0]:
                    expected = self._shown(self._data_names(stem)[0], stem, name, feed)
                    self.waiting.add(f"{folder}/{shown}", "NO_DATA", f"expected {expected} beside it")
                continue
            pair = self._paired(name, feed, check_name, line, delivered)
            partners -= {file.name for file in delivered} - {pair.data.name}
            if held := self.receipts.held_back(("file", name, pair.name, pair.check_line)):
                self.waiting.add(pair.path, "RECEIPT", held)
            elif self._is_new(name, pair, last.get(self._stem(pair.name))):
                found.append(pair)
        for data_name in files.keys() - partners:
            self._note_alone(files[data_name], name, feed, last)
        return sorted(found, key=lambda file: (file.names, file.data.name))

    def _plain_files(self, transport: Transport, name: str, feed: Feed) -> dict[str, RemoteFile]:
        """The files of a feed's folder by name; anything else there is noted."""
        try:
            found = transport.look(f"in/{name}")
        except UnreadableError as error:
            self.waiting.add_folder(f"in/{name}", error)
            return {}
        for other in found.others:
            shown = self._shown(other, self._stem(other), name, feed)
            self.waiting.add(f"in/{name}/{shown}", "NOT_A_FILE", "a folder, a link or a device, expected a file")
        files = {}
        for file in found.files:
            if is_plain(file.name):
                files[file.name] = file
            else:
                expected = "expected printable characters without / and \\"
                self.waiting.add_stranger(f"in/{name}", file.name, "NAME", expected)
        return files

    def _stem(self, file_name: str) -> str:
        name = file_name.removesuffix(self.carrier.check_file.suffix)
        return name.removesuffix(".gz").removesuffix(self.carrier.files.suffix)

    def _shown(self, file_name: str, stem: str, name: str, feed: Feed) -> str:
        """A name as it may be shown and kept: unchanged if it is a delivery's, else masked."""
        return file_name if parse_stem(stem, name, feed) else self.masks.name(file_name, folder=name)

    def _kept(self, line: bytes, name: str, feed: Feed) -> tuple[str, Check | None, CheckFileError | None]:
        """What is kept of a check file, and what it says: a digest if it cannot be read, or names a secret."""
        try:
            check = parse_check(line, self.carrier.check_file)
        except CheckFileError as error:
            return digest(line), None, error
        if self._shown(check.file, self._stem(check.file), name, feed) != check.file:
            return digest(line), check, None
        return check_line(line), check, None

    @staticmethod
    def _without_name(error: Exception, file_name: str, shown: str) -> str:
        return str(error).replace(file_name, shown)

    def _data_names(self, stem: str) -> tuple[str, str]:
        suffix = self.carrier.files.suffix
        return f"{stem}{suffix}", f"{stem}{suffix}.gz"

    def _is_of_another_time(self, path: str, stem: str, name: str, feed: Feed) -> bool:
        """Whether a file is for a later run, or has an impossible date.

        One dated the day on which this run works may be there; none after it.
        """
        names = parse_stem(stem, name, feed)
        if names is None:
            return False
        if names.business_date < self.oldest:
            detail = f"dated {names.business_date}, long before the campaign: expected {self.oldest} or later"
            self.waiting.add(path, "EARLIER", detail)
            return True
        if names.business_date > self.business_date + timedelta(days=1):
            self.waiting.add(path, "LATER", f"dated {names.business_date}, the run closes {self.business_date}")
        return names.business_date > self.business_date

    def _note_alone(self, file: RemoteFile, name: str, feed: Feed, last: Mapping[str, _Last]) -> None:
        """Note a file that no check file names, unless it was loaded and its check file was removed since."""
        suffix, check_suffix = self.carrier.files.suffix, self.carrier.check_file.suffix
        stem = self._stem(file.name)
        shown = self._shown(file.name, stem, name, feed)
        path = f"in/{name}/{shown}"
        if file.name.endswith(check_suffix) or self._is_of_another_time(path, stem, name, feed):
            return
        if file.name not in self._data_names(stem):
            self.waiting.add(path, "NAME", f"expected {feed.file_pattern} with {suffix}")
        elif stem not in last or not last[stem].is_loaded(file.name, file):
            expected = self._shown(f"{stem}{check_suffix}", stem, name, feed)
            self.waiting.add(path, "NO_CHECK", f"expected {expected}, which names it")

    def _paired(self, name: str, feed: Feed, check_name: str, line: bytes, delivered: list[RemoteFile]) -> _Found:
        """A check file and the data file that it names, or else the one beside it."""
        stem = self._stem(check_name)
        kept, check, error = self._kept(line, name, feed)
        refused = None
        data = next((file for file in delivered if check and file.name == check.file), delivered[0])
        shown = self._shown(data.name, stem, name, feed)
        names = parse_stem(stem, name, feed)
        shown_check = self._shown(check_name, stem, name, feed)
        if error is not None:
            refused = Verdict("CHECK_FILE", f"{shown_check}: {error}")
        if names is None:
            refused = Verdict(
                "NAME",
                f"the name is not of the form {feed.file_pattern}{self.carrier.files.suffix}, with a date yyyymmdd",
            )
        elif check and check.file != data.name:
            said = self._shown(check.file, self._stem(check.file), name, feed)
            refused = Verdict("NAME", f"{shown_check} names the file {said}, expected {data.name}")
        names = names or FileDate(self.business_date, 0)  # a row of a table needs a date
        return _Found(f"in/{name}/{shown}", f"in/{name}/{data.name}", shown, data, names, kept, check, refused)

    def _is_new(self, name: str, found: _Found, last: _Last | None) -> bool:
        """Whether a delivery differs from the last one under its name, even if it came before that one."""
        if last is None or (last.file_name, last.check_line) != (found.name, found.check_line):
            return True
        if last.state == "WITHDRAWN" and self.receipts.names(("file", name, found.name, found.check_line)):
            return True  # of a rebuild: it was delivered again then, though it lies here once
        if last.state != "LOADED":
            return (last.size, last.mtime_ns) != (found.data.size, found.data.mtime_ns)
        if last.size != found.data.size:
            detail = f"loaded with {last.size} bytes, has {found.data.size} now; the loaded rows keep counting"
            self.waiting.add(found.path, "CHANGED", detail)
        return False

    def _last_deliveries(self, name: str) -> dict[str, _Last]:
        """What was ingested last under each stem of a feed."""
        return {
            self._stem(file_name): _Last(file_name, *last)
            for file_name, *last in self.conn.execute(
                "select taken.file_name, taken.check_line, case when withdrawn_on is null then state "
                "when received_on < %s then 'WITHDRAWN' else 'WITHDRAWN_NOW' end, bytes, mtime_ns "
                "from raw.delivery as taken left join raw.withdrawal using (delivery_no) where taken.feed = %s "
                "order by delivery_no",
                (self.business_date, name),
            )
        }

    def _ingest_file(self, source: BinaryIO, name: str, feed: Feed, found: _Found) -> IngestedFile:
        """Load one file and record the outcome, inside the caller's transaction."""
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
            verdict = found.refused or scan.verdict() or self._emptied(name, feed, loaded)
            if verdict:
                raise psycopg.Rollback(loading)  # the rows loaded so far are removed
        taken = IngestedFile(
            feed=name,
            file_name=found.name,
            rows_received=scan.rows,
            rows_loaded=0 if verdict else loaded,
            rows_quarantined=scan.rows if verdict else scan.bad_rows,
            reason=verdict.reason if verdict else None,
            detail=verdict.detail if verdict else scan.note(),
        )
        self._record(delivery_no, found, scan, taken)
        return taken

    def _emptied(self, name: str, feed: Feed, loaded: int) -> Verdict | None:
        """Refuse an empty snapshot that is the first one, or follows one of so many rows that it must have been cut
        short.
        """
        if loaded or feed.kind != "snapshot":
            return None
        before = self.conn.execute(
            "select rows_loaded from raw.delivery as taken where feed = %s and state = 'LOADED' "
            "and not exists (select from raw.withdrawal where withdrawal.delivery_no = taken.delivery_no) "
            "order by business_date desc, seq desc, delivery_no desc limit 1",
            (name,),
        ).fetchone()
        if before is None:
            return Verdict("EMPTY", "the first snapshot of the feed has no rows")
        if before[0] >= _TELLING_ROWS:
            return Verdict("EMPTY", f"the snapshot has no rows, the one before has {before[0]}")
        return None

    def _next_delivery_no(self) -> int:
        # counted, not drawn from the sequence, which loses numbers when a run or the server dies: models keep it
        row = self.conn.execute(
            "select coalesce(greatest((select max(delivery_no) from raw.delivery), "
            "(select max(revision) from raw.withdrawal)), 0) + 1"
        ).fetchone()
        if row is None:
            raise AssertionError("a select of a value gives a row")
        return int(row[0])

    def _record(self, delivery_no: int, found: _Found, scan: FileScan, taken: IngestedFile) -> None:
        self.conn.execute(
            """
            insert into raw.delivery
                (delivery_no, feed, file_name, business_date, seq, check_line, bytes, sha256, rows_received,
                rows_loaded, rows_quarantined, control_total, state, reason, detail, received_on, attempt_no, mtime_ns)
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
                taken.rows_quarantined,
                found.check.control_total if found.check else None,
                "SET_ASIDE" if taken.reason else "LOADED",
                taken.reason,
                taken.detail,
                self.business_date,
                self.attempt_no,
                found.data.mtime_ns,
            ),
        )
        with self.conn.cursor().copy(
            "copy raw.quarantined_row (delivery_no, line_no, reason, field, expected, raw_text, raw_bytes) from stdin"
        ) as copy:
            for row in map(self.masks.row, scan.bad):
                copy.write_row((delivery_no, row.line_no, row.reason, row.field, row.expected, row.text, row.raw))
