"""Names of delivered files: which feed, which business date, which number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from laoyouhui.config.carrier import Feed


@dataclass(frozen=True, order=True)
class FileDate:
    """The business date of a file and its number within the date, in the order in which files count."""

    business_date: date
    seq: int


def parse_stem(stem: str, feed_name: str, feed: Feed) -> FileDate | None:
    """Read a file's name without its ending, such as `recharge_20260105_0001`; None if it is not one of this feed."""
    parts = {"{feed}": re.escape(feed_name), "{date}": "(?P<date>[0-9]{8})", "{seq}": "(?P<seq>[0-9]{4})"}
    pattern = "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\{[a-z]+\})", feed.file_pattern))
    found = re.fullmatch(pattern, stem)
    if found is None:
        return None
    try:
        day = datetime.strptime(found["date"], "%Y%m%d").date()  # noqa: DTZ007 - a calendar day, no instant
    except ValueError:
        return None
    return FileDate(day, int(found["seq"]))
