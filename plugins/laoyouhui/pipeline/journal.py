"""What a rebuild needs besides the exchange: manual overrides, and the runs' receipts.

`<journal>/<campaign>/overrides/000001.json` and so on is a chain: each entry is written once and carries the hash of
the one before it. `receipts/<yyyymmdd>.json` names what the run of that date was the first to ingest. The journal is in
the work folder, private to the pipeline's user. See docs/adr/0009-overrides-and-receipts.md.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from laoyouhui.config.campaign import Campaign
from laoyouhui.config.settings import Settings

# ("file", feed, file name, check line), ("answer", stem, sha256), ("word", override, sha256 of the entry it counts by),
# ("campaign", campaign, sha256 of its file, entry)
Key = tuple[str, ...]

_LOADED = "LOADED"
_FIRST = "0" * 64  # what the first entry names as the one before it
_RESTORE = "restore the journal from a copy: overrides are never edited, taken away or added by hand"


class JournalError(Exception):
    """The journal cannot be read or trusted. The message says which file, and what to do."""


@dataclass(frozen=True)
class Receipts:
    """What earlier runs, even those of a lost warehouse, were the first to ingest, and when.

    `now` and `attempt_no` are the run that asks; `dates` gives the date of each thing, `answers` the content (sha256)
    of the answer that counts for a file; `last` is the latest date that has receipts; `today` what this very date
    loaded.
    """

    now: date = date.max
    attempt_no: int = 1
    dates: Mapping[Key, date] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    last: date | None = None
    today: frozenset[Key] = frozenset()

    def names(self, key: Key) -> bool:
        """Whether the run of this very date has loaded the thing before, in a lost warehouse."""
        return key in self.today

    def allow(self, key: Key) -> bool:
        """Say whether this run may ingest the thing: one with a receipt from its date on, never sooner.

        One without came after the last run that left receipts: it waits while dates are rebuilt up to that one.
        """
        return self.held_back(key) is None

    def held_back(self, key: Key) -> str | None:
        """Say why this run may not ingest the thing; None where it may."""
        told = self.dates.get(key)
        if told is not None:
            return f"the run of {told} was the first to ingest it: it waits for that date" if told > self.now else None
        if self.last is None or self.now > self.last or (self.now == self.last and self.attempt_no > 1):
            return None
        return f"no run up to {self.last} ingested it, which left the last receipts: it waits until that date is closed"


@dataclass(frozen=True)
class Entry:
    """One entry of the chain: its number from 1, the hash of its file, and what it says."""

    no: int
    sha256: str
    says: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name people use: number and hash, so that nobody confirms other content than they read."""
        return f"{self.no:06d}-{self.sha256[:12]}"


class Journal:
    """The journal of a warehouse, named after the first of its campaigns, in a folder that this machine can write."""

    def __init__(self, settings: Settings, campaign: Campaign) -> None:
        self.folder = settings.journal / campaign.campaign_id
        self._folders = [self.folder]  # e527328 kept it beside the carrier's deliveries, where they are a folder
        if not settings.exchange.startswith("connection:"):
            self._folders.append(Path(settings.exchange) / "journal" / campaign.campaign_id)
        self._today = settings.today

    def words_of_one(self) -> dict[str, Path]:
        """The overrides requested under e527328, by one person each: their names, and the folder of each."""
        return {
            path.name: path.parent for folder in self._folders for path in sorted((folder / "words").glob("*.json"))
        }

    def entries(self) -> list[Entry]:
        """The chain of overrides, in the order of their requests. JournalError if it is broken anywhere."""
        folder = self.folder / "overrides"
        try:
            found = sorted(entry.name for entry in os.scandir(folder) if not _is_temporary(entry.name))
        except FileNotFoundError:
            return []
        before, entries = _FIRST, list[Entry]()
        for no, name in enumerate(found, start=1):
            path = folder / f"{no:06d}.json"
            if name != path.name:
                missing = name > path.name and re.fullmatch(r"[0-9]{6}\.json", name)
                what = f"entry {path.name} is missing" if missing else f"{name} is no entry of the chain"
                raise JournalError(f"journal {folder}: {what}: {_RESTORE}")
            content = self._content(path)
            says = self._parse(path, content)
            if says.pop("no", None) != no or says.pop("previous", None) != before:
                raise JournalError(
                    f"journal {path}: the chain breaks here: it does not carry the hash of entry {no - 1}, or its own "
                    f"number: one of the two was edited, exchanged or moved: {_RESTORE}"
                )
            before = hashlib.sha256(content).hexdigest()
            entries.append(Entry(no, before, says))
        return entries

    def add(self, says: Mapping[str, Any]) -> Entry:
        """Append an entry, completely or not at all. Call it within `locked`, after `entries` was read there."""
        entries = self.entries()
        no, before = len(entries) + 1, entries[-1].sha256 if entries else _FIRST
        content = (json.dumps({"no": no, "previous": before, **says}, ensure_ascii=False, indent=2) + "\n").encode()
        _write(self.folder / "overrides" / f"{no:06d}.json", content)
        return Entry(no, hashlib.sha256(content).hexdigest(), says)

    def keep_campaign_file(self, sha256: str, content: bytes) -> None:
        """Keep the content of a campaign file; JournalError where it is another than its sha256 says."""
        path = self.folder / "campaign_files" / f"{sha256}.yml"
        if hashlib.sha256(content).hexdigest() != sha256:
            raise JournalError(f"a campaign file changed while it was read (expected {sha256}): run again")
        if not path.exists():
            _write(path, content)

    def campaign_file(self, sha256: str) -> bytes:
        """The content of a campaign file that was kept. JournalError if it is missing or differs."""
        path = self.folder / "campaign_files" / f"{sha256}.yml"
        content = self._content(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise JournalError(f"journal {path}: it was edited: {_RESTORE}")
        return content

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from appending meanwhile: two commands at once cannot fork the chain."""
        _make_private(self.folder)
        lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def receipts(self, business_date: date, attempt_no: int) -> Receipts:
        """What the run of a date may look at. Raises JournalError when receipts cannot be read."""
        dates: dict[Key, date] = {}
        loaded: set[Key] = set()
        answers: dict[str, str] = {}
        last = None
        for day in self._receipt_days():
            last = day  # names are in order
            for state, *words in self._read(day):
                key = tuple(words)
                if state == _LOADED and key not in loaded:
                    loaded.add(key)
                    dates[key] = day  # what was quarantined first counts from the run that loaded it
                    if key[0] == "answer":
                        answers[key[1]] = key[2]
                dates.setdefault(key, day)
        self._refuse_strangers(business_date, last)
        today = frozenset(tuple(words) for state, *words in self._read(business_date) if state == _LOADED)
        return Receipts(business_date, attempt_no, dates, answers, last, today)

    def _refuse_strangers(self, business_date: date, last: date | None) -> None:
        """Refuse receipts of later dates where the date itself has none: no run of this warehouse can have left them.

        Every rebuilt date has receipts: a released run leaves them, even empty ones.
        """
        if last is not None and self._today is not None and last >= self._today:
            raise JournalError(
                f"journal {self._path(last)}: receipts of a date that is not over: no run can have left them: move "
                "them away, and find out who laid them there"
            )
        if last is not None and last > business_date and not self._path(business_date).exists():
            raise JournalError(
                f"journal {self._path(last)}: receipts of {last}, but {business_date}, which is closed now, has none: "
                "they would hold back every file in silence. Where the journal is another warehouse's, or somebody "
                "laid them there, move them away; where dates are rebuilt, close those that have receipts"
            )

    def note_receipts(self, conn: psycopg.Connection, business_date: date) -> None:
        """Record what the released run of a date ingested; what its receipts name already stays in them."""
        found = conn.execute(
            "select state, 'file', feed, file_name, check_line from raw.delivery where received_on = %(day)s "
            "union all select state, 'answer', file_stem, sha256, null from raw.answer where received_on = %(day)s "
            "union all select 'LOADED', 'word', file_name, entry_sha256, null from raw.manual_override "
            "where received_on = %(day)s "
            "union all select 'LOADED', 'campaign', campaign_id, file_sha256, "
            "lpad(entry_no::text, 6, '0') || '-' || left(entry_sha256, 12) from raw.campaign_file "
            "where accepted_on = %(day)s and override is null",
            {"day": business_date},
        ).fetchall()
        known = self._read(business_date)
        now = sorted({tuple(word for word in row if word is not None) for row in found} | {tuple(row) for row in known})
        content = ("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in now) + "\n]\n").encode()
        path = self._path(business_date)
        if not path.exists() or path.read_bytes() != content:
            _write(path, content)

    def _path(self, day: date) -> Path:
        return self.folder / "receipts" / f"{day:%Y%m%d}.json"

    def _receipt_days(self) -> list[date]:
        try:
            names = [entry.name for entry in os.scandir(self.folder / "receipts")]
        except FileNotFoundError:
            return []
        return sorted(day for name in names if (day := _day(name)) is not None)

    def _read(self, day: date) -> list[list[str]]:
        path = self._path(day)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            rows: Any = json.loads(content)
            if not all(isinstance(word, str) for row in rows for word in row):
                raise TypeError("a receipt is a list of texts")  # noqa: TRY301
        except (ValueError, TypeError) as error:
            raise JournalError(
                f"journal {path}: {error}: restore it from a copy, or move it away: then what came late is "
                "booked by the first run that may see it"
            ) from error
        return [list(row) for row in rows]

    def _content(self, path: Path) -> bytes:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                return file.read()
        except OSError as error:
            raise JournalError(f"journal {path}: cannot be read ({error.strerror}): {_RESTORE}") from error

    def _parse(self, path: Path, content: bytes) -> dict[str, Any]:
        try:
            says: Any = json.loads(content)
            if not isinstance(says, dict):
                raise TypeError("expected a mapping")  # noqa: TRY301
        except (ValueError, TypeError, RecursionError) as error:
            raise JournalError(f"journal {path}: no entry ({error}): {_RESTORE}") from error
        return says


def verify_chain(conn: psycopg.Connection, journal: Journal) -> list[Entry]:
    """Read the chain, compare it with what this warehouse has seen of it, and note what is new; give its entries.

    A chain shows whether an entry was changed or removed, but not whether its end was cut off, or an older copy put in
    its place. Raises JournalError in both cases, and if an override of an older release waits that no run has read.
    """
    entries = journal.entries()
    if unread := journal.words_of_one():
        read = {row[0] for row in conn.execute("select file_name from raw.manual_override")}
        for name in sorted(unread.keys() - read):
            raise JournalError(
                f"{unread[name] / name}: no run has read this override, and one person is no longer enough: have it "
                "requested and confirmed again (docs/manual-overrides.md), and move the file away"
            )
    if conn.execute("select to_regclass('raw.journal_entry')").fetchone() == (None,):
        return entries  # an older release has prepared the warehouse: the next run makes the table
    held = {entry.no: entry.sha256 for entry in entries}
    seen: dict[int, str] = dict(conn.execute("select entry_no, entry_sha256 from raw.journal_entry").fetchall())
    for no, sha256 in sorted(seen.items()):
        if held.get(no) != sha256:
            raise JournalError(
                f"journal {journal.folder / 'overrides'}: entry {no}, which this warehouse has seen, "
                f"{'was edited or exchanged' if no in held else 'is missing'}: {_RESTORE}; where there is none, "
                "restore the warehouse from its backup"
            )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.journal_entry (entry_no, entry_sha256) values (%s, %s) on conflict do nothing",
            [(entry.no, entry.sha256) for entry in entries if entry.no not in seen],
        )
    return entries


def _make_private(folder: Path) -> None:
    """Make the journal's folders private to the pipeline's user, whatever the umask; restrict one that was open to
    others.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    for each in (folder.parent, folder) if folder.parent.name == "journal" else (folder,):
        if each.stat().st_mode & 0o077 and each.stat().st_uid == os.getuid():
            each.chmod(0o700)


def _write(path: Path, content: bytes) -> None:
    """Write a private file, completely or not at all: synced before its rename, its folder after it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        _make_private(path.parent.parent)
        _make_private(path.parent)
        try:
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise JournalError(
            f"journal {path}: cannot be written ({error}): free space or fix permissions there, then run again"
        ) from error


def _is_temporary(name: str) -> bool:
    return name.startswith(".")


def _day(name: str) -> date | None:
    if not re.fullmatch(r"[0-9]{8}\.json", name):
        return None
    try:
        return date.fromisoformat(name.removesuffix(".json"))
    except ValueError:
        return None
