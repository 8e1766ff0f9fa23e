"""Files in the exchange that do not count: listed for people, and judged again by each run."""

from __future__ import annotations

from datetime import date
from typing import Literal

import psycopg

from laoyouhui.delivery.transport import NotAFolderError, UnreadableError
from laoyouhui.feeds.masks import Masks

WaitingReason = Literal[
    "NO_CHECK",  # a data file that no check file names: still being written, or its check file was forgotten
    "NO_DATA",  # a check file without its data file
    "LATER",  # dated after the day on which this run works
    "EARLIER",  # dated long before the campaign
    "RECEIPT",  # held back by the journal's receipts: another date's run was the first to ingest it
    "CHANGED",  # loaded, and of another size now, without a new check file
    "NAME",  # a name that is no delivery's, or that cannot be opened safely
    "NOT_A_FILE",  # a folder, a link, a device
    "NOT_A_FOLDER",  # a file, a link, a device in place of a folder
    "UNREADABLE",  # listed, and not to be opened
    "UNDECLARED",  # no feed or interface of the carrier profile
]


def is_plain(name: str) -> bool:
    """Whether a name can be opened, logged and stored as it is: printable, and not a path."""
    return name.isprintable() and not set(name) & set("/\\")


class Waiting:
    """The paths that one run found waiting, each with one reason."""

    def __init__(self, masks: Masks | None = None) -> None:
        self._found: dict[str, tuple[WaitingReason, str]] = {}
        self._masks = masks

    def add(self, path: str, reason: WaitingReason, detail: str) -> None:
        """Note a path of the exchange; an odd character in it is kept as its escape."""
        self._found[path if path.isprintable() else ascii(path)[1:-1]] = (reason, detail)

    def add_stranger(self, folder: str, name: str, reason: WaitingReason, detail: str) -> None:
        """Note a name that is not a delivery's: masked if it may hold a secret."""
        feed = folder.removeprefix("in/")
        self.add(f"{folder}/{self._masks.name(name, folder=feed) if self._masks else name}", reason, detail)

    def add_folder(self, folder: str, error: UnreadableError) -> None:
        """Note a folder that cannot be used, and why."""
        self.add(folder, "NOT_A_FOLDER" if isinstance(error, NotAFolderError) else "UNREADABLE", str(error))

    def store(self, conn: psycopg.Connection, business_date: date) -> None:
        """Make `raw.waiting` what this run found; what an earlier run saw for the same reason keeps its date."""
        with conn.transaction(), conn.cursor() as cursor:
            cursor.execute("delete from raw.waiting where path <> all(%s)", (list(self._found),))
            cursor.executemany(
                "insert into raw.waiting (path, reason, detail, since) values (%s, %s, %s, %s) "
                "on conflict (path) do update set reason = excluded.reason, detail = excluded.detail, "
                "since = case when waiting.reason = excluded.reason then least(waiting.since, excluded.since) "
                "else excluded.since end",
                [(path, reason, detail, business_date) for path, (reason, detail) in self._found.items()],
            )
