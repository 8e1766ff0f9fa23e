"""The names of outgoing files, and the check line beside each data file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from laoyouhui.config.carrier import CheckForm, Interface

_PLACES = {
    "campaign": r"(?P<campaign>[a-z0-9]+)",
    "date": r"(?P<date>[0-9]{8})",
    "seq": r"(?P<seq>[0-9]{4,9})",
}


@dataclass(frozen=True)
class Stem:
    """What the stem of an outgoing file says; `campaign_id` is None if the profile's names have no campaign."""

    campaign_id: str | None
    business_date: date
    seq: int


def file_stem(name: str, interface: Interface, campaign_id: str, business_date: date, seq: int) -> str:
    """Give the stem of the `seq`-th file (from 1) of the interface `name` and a day: `credit_lyh2026_20260204_0001`."""
    return interface.file_pattern.format(
        interface=name, campaign=campaign_id, date=f"{business_date:%Y%m%d}", seq=f"{seq:04}"
    )


def parse_stem(name: str, interface: Interface, stem: str) -> Stem | None:
    """Read a stem of the interface `name`; None when it does not have that form."""
    pattern = re.escape(interface.file_pattern).replace(r"\{", "{").replace(r"\}", "}")
    found = re.fullmatch(pattern.format(interface=name, **_PLACES), stem)
    if found is None:
        return None
    words = found.groupdict()
    try:
        business_date = date.fromisoformat(words["date"])
    except ValueError:
        return None
    return Stem(words.get("campaign"), business_date, int(words["seq"]))


def control_total(interface: Interface, total_fen: int | None) -> str:
    """Write the sum of the control column in that column's own unit; empty if the interface has none."""
    column = interface.control_column
    if column is None or total_fen is None:
        return ""
    if column.unit == "fen":
        return str(total_fen)
    yuan, fen = divmod(abs(total_fen), 100)
    return f"{'-' if total_fen < 0 else ''}{yuan}.{fen:02}"


def check_line(form: CheckForm, *, file: str, size: int, rows: int, sha256: str, control_total: str) -> bytes:
    """Write the one line of a check file, its LF included. `size` is that of the data file, in bytes."""
    words = {"file": file, "bytes": str(size), "rows": str(rows), "sha256": sha256, "control_total": control_total}
    return f"{form.delimiter.join(words[field] for field in form.fields)}\n".encode("ascii")
