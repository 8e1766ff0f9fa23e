"""A check file: the one line beside a data file that describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from laoyouhui.config.carrier import CheckForm

LONGEST_CHECK_FILE = 4096  # bytes
_FORMS = {
    "file": r"[!-~]{1,200}",
    "bytes": "[0-9]{1,15}",
    "rows": "[0-9]{1,15}",
    "sha256": "[0-9A-Fa-f]{64}",
    "control_total": r"(?:-?[0-9]{1,18}(?:\.[0-9]{1,2})?)?",
}


class CheckFileError(Exception):
    """A check file that cannot be read; the message says what was expected."""


@dataclass(frozen=True)
class Check:
    """What a check file says: `control_total` as written, in the amount column's own unit, '' if there is none."""

    file: str
    bytes: int
    rows: int
    sha256: str
    control_total: str


def check_line(raw: bytes) -> str:
    """The check file's line as kept in the warehouse: ASCII, whatever it contains."""
    return ascii(raw[:LONGEST_CHECK_FILE].rstrip(b"\r\n").decode("latin-1"))[1:-1]


def parse_check(raw: bytes, form: CheckForm) -> Check:
    """Read a check file in the profile's form, or raise CheckFileError. The line's end may be missing."""
    if len(raw) > LONGEST_CHECK_FILE:
        raise CheckFileError(f"expected one line, found more than {LONGEST_CHECK_FILE} bytes")
    try:
        fields = raw.decode("ascii").rstrip("\r\n").split(form.delimiter)
    except UnicodeDecodeError as error:
        raise CheckFileError(f"expected ASCII, byte {error.start} is {raw[error.start]:#04x}") from None
    if len(fields) != len(form.fields):
        raise CheckFileError(f"expected one line {form.delimiter.join(form.fields)}, found {len(fields)} fields")
    said = dict(zip(form.fields, fields, strict=True))
    for name, value in said.items():
        if not re.fullmatch(_FORMS[name], value):
            # not shown: if data and check file were mixed up it may be anything, even a secret
            raise CheckFileError(f"{name}: expected {_FORMS[name]}, found other text of {len(value)} characters")
    return Check(
        said["file"], int(said["bytes"]), int(said["rows"]), said["sha256"].lower(), said.get("control_total", "")
    )
