"""What has to be remembered beside the exchange, for a rebuild to know it: people's words, and the runs' receipts.

`<journal>/<campaign>/words/<name>.json` is one word of a person, written once; `receipts/<yyyymmdd>.json` names what
the run of that date was the first to take in. See docs/adr/0009-words-and-receipts.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg

from laoyouhui.config.campaign import Campaign
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import FolderTransport

Key = tuple[str, ...]  # ("file", feed, file name, check line), ("answer", stem, sha256) or ("word", file name)

_LOADED = "LOADED"


class JournalError(Exception):
    """A file of the journal cannot be read. The message says which, and what to do."""


@dataclass(frozen=True)
class Receipts:
    """What earlier runs, also those of a warehouse that is no more, were the first to take in, and when.

    `now` and `pass_no` are the run that asks; `dates` gives the date of each thing, `answers` the content (sha256) of
    the answer that stands for a file; `last` is the latest date that has receipts.
    """

    now: date = date.max
    pass_no: int = 1
    dates: Mapping[Key, date] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    last: date | None = None

    def allow(self, key: Key) -> bool:
        """Say whether this run may take the thing in: one with a receipt from its date on, never sooner.

        One without came after the last run that left receipts: it waits while dates are rebuilt up to that one.
        """
        told = self.dates.get(key)
        if told is not None:
            return told <= self.now
        return self.last is None or self.now > self.last or (self.now == self.last and self.pass_no > 1)


class Journal:
    """The journal of a warehouse, named after the first of its campaigns, in a folder that this machine can write."""

    def __init__(self, settings: Settings, campaign: Campaign) -> None:
        self._folder = campaign.campaign_id
        self._transport = FolderTransport(settings.journal)

    def words(self) -> list[str]:
        """Names of all words, in the order in which they were said."""
        return [file.name for file in self._transport.list(f"{self._folder}/words") if file.name.endswith(".json")]

    def word(self, name: str) -> bytes:
        """The content of one word."""
        return self._transport.read(f"{self._folder}/words/{name}") or b""

    def add_word(self, name: str, content: bytes) -> None:
        """Write one word, whole or not at all."""
        self._transport.write(content, f"{self._folder}/words/{name}")

    def receipts(self, business_date: date, pass_no: int) -> Receipts:
        """What the run of a date may look at. Raises JournalError when receipts cannot be read."""
        dates: dict[Key, date] = {}
        loaded: set[Key] = set()
        answers: dict[str, str] = {}
        last = None
        for file in self._transport.list(f"{self._folder}/receipts"):
            day = _day(file.name)
            if day is None:
                continue
            last = day  # names are in order
            for state, *words in self._read(day):
                key = tuple(words)
                if state == _LOADED and key not in loaded:
                    loaded.add(key)
                    dates[key] = day  # what was set aside before counts from the run that loaded it
                    if key[0] == "answer":
                        answers[key[1]] = key[2]
                dates.setdefault(key, day)
        return Receipts(business_date, pass_no, dates, answers, last)

    def note_receipts(self, conn: psycopg.Connection, business_date: date) -> None:
        """Write down what the released run of a date took in; what its receipts name already stays in them."""
        found = conn.execute(
            "select state, 'file', feed, file_name, check_line from raw.delivery where received_on = %(day)s "
            "union all select state, 'answer', file_stem, sha256, null from raw.answer where received_on = %(day)s "
            "union all select 'LOADED', 'word', file_name, null, null from raw.word where received_on = %(day)s",
            {"day": business_date},
        ).fetchall()
        known = self._read(business_date)
        now = sorted({tuple(word for word in row if word is not None) for row in found} | {tuple(row) for row in known})
        content = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in now) + "\n]\n"
        path = self._path(business_date)
        if self._transport.read(path) != content.encode():
            self._transport.write(content.encode(), path)

    def _path(self, day: date) -> str:
        return f"{self._folder}/receipts/{day:%Y%m%d}.json"

    def _read(self, day: date) -> list[list[str]]:
        content = self._transport.read(self._path(day))
        if content is None:
            return []
        try:
            rows: Any = json.loads(content)
            if not all(isinstance(word, str) for row in rows for word in row):
                raise TypeError("a receipt is a list of texts")  # noqa: TRY301
        except (ValueError, TypeError) as error:
            raise JournalError(
                f"journal {self._path(day)}: {error}: restore it from a copy, or move it away: then what came late is "
                "booked by the first run that may see it"
            ) from error
        return [list(row) for row in rows]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name.removesuffix(".json"))
    except ValueError:
        return None
