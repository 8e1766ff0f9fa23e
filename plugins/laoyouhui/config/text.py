"""Text that is safe to show: without what could forge a line of a log or turn a message about, and without numbers."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from typing import Any

# control (also C1), format (bidi, zero width), surrogate, private, not assigned; line and paragraph separators
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:\+?(?:00)?86)?1[0-9]{10}(?![0-9A-Za-z])")  # as dbt's macro `without_numbers`


def is_safe(text: str) -> bool:
    """Whether a text shows as what it holds, in one line: no control, format, bidi or unknown character."""
    return (text.isascii() and text.isprintable()) or all(_is_plain(character) for character in text)


def safe_text(text: str, keep: str = "") -> str:
    """The text with every character that is not plain escaped as JSON does it, but for those of `keep`.

    A recharge of `\\x1b[2J` is shown as `\\u001b[2J`: it neither clears a screen nor begins a line of its own.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or _is_plain(character) else json.dumps(character)[1:-1] for character in text
    )


def without_numbers(text: str) -> str:
    """The text without phone numbers (rules, 14.2), whatever it quotes: an id that looks like one is masked too."""
    return _NUMBER.sub("***", text)


def make_logs_safe(package: str) -> None:
    """Have every record of a package's loggers hold safe text in one line, without phone numbers; a traceback keeps its
    lines.

    As the records are made, since a filter of the package's root logger would not see those of the loggers below it.
    """
    make = logging.getLogRecordFactory()

    def make_safe(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 (as logging passes them)
        record = make(*args, **kwargs)
        # `logging.makeLogRecord` makes one without a name, which it then fills in from a record that is safe already
        if (record.name or "").partition(".")[0] == package:
            try:
                message = record.getMessage()
            except (TypeError, ValueError):
                return record  # logging itself reports it
            record.msg, record.args = safe_text(without_numbers(message)), None
            if record.exc_info and record.exc_info[0]:
                traceback = logging.Formatter().formatException(record.exc_info)
                record.exc_text = safe_text(without_numbers(traceback), keep="\n")
        return record

    logging.setLogRecordFactory(make_safe)


def _is_plain(character: str) -> bool:
    return unicodedata.category(character) not in _UNSAFE
