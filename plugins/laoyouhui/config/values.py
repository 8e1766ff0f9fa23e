"""What one value may be, in any file: as patterns of one field, from the carrier profile."""

from __future__ import annotations

import re

# Null markers of other systems. Unless a profile declares them, they are bad: as an id, `NULL` would make one
# customer of all who have none. In a text people may mean `none`.
_NO_TEXT_BUT_NOTHING = r"null|\(null\)|<null>|\\n"
_NO_ID_BUT_NOTHING = _NO_TEXT_BUT_NOTHING + r"|none|nil|nan|nat|na|undefined|n/a|#n/a|[-_.:]+"
# Controls, line and paragraph separators, what turns the direction of text, surrogates, and what is no character.
_NO_TEXT = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0x2028, 0x202E),
    (0x2066, 0x2069),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(17)),
)
NO_TEXT_IN_WORDS = "controls, line separators or turns of direction"
_NEVER_IN_IDS = frozenset("|{}'\"`\\")

_TIME = "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_DAY = (  # of a year before it: 29 February only in leap years
    "(?:[0-9]{4}(?:"
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)0229)"
)


def id_characters(also: str) -> str:
    """The inside of a character class: letters, digits, and what the profile names beside them."""
    return "0-9A-Za-z" + re.escape(also)


def text_characters(delimiter: str) -> str:
    """The inside of a character class: what a text may hold."""
    left_out = sorted([*_NO_TEXT, (ord(delimiter), ord(delimiter))])
    first = 0
    ranges = []
    for low, high in left_out:
        if first < low:
            ranges.append(f"\\U{first:08x}-\\U{low - 1:08x}")
        first = max(first, high + 1)
    return "".join(ranges)


def may_be_in_ids(character: str, delimiter: str) -> bool:
    """Whether a profile may allow a character in ids: nothing that separates fields or places, quotes or escapes."""
    return "!" <= character <= "~" and character not in _NEVER_IN_IDS | {delimiter}


def is_something(delimiter: str, declared: tuple[str, ...], *, is_id: bool) -> str:
    """A pattern before a field that excludes null markers, the profile's included."""
    words = "".join(f"{re.escape(word)}|" for word in declared)
    first = "".join(sorted({re.escape(word[0]) for word in declared}))  # it decides most values
    markers = _NO_ID_BUT_NOTHING if is_id else _NO_TEXT_BUT_NOTHING
    return rf"(?!(?=[nNuU(<#\\_.:\-{first}])(?:{words}(?i:{markers}))(?![^{re.escape(delimiter)}]))"


def phone_number(form: str) -> str:
    """A pattern of a phone number in the profile's form: `1xxxxxxxxxx`, where each x is any digit."""
    return re.sub("x+", lambda found: f"[0-9]{{{len(found[0])}}}", form)


def date(first_year: int, last_year: int) -> str:
    """A pattern of an existing date yyyymmdd, in these years."""
    return f"(?={'|'.join(_years(first_year, last_year))}){_DAY}"


def timestamp(first_year: int, last_year: int) -> str:
    """A pattern of an existing timestamp yyyymmddHHMMSS, in these years."""
    return date(first_year, last_year) + _TIME


def _years(year: int, last: int) -> list[str]:
    """The beginnings of all years from one to another: `19`, `20`, `210` for 1900 to 2109."""
    found = []
    while year <= last:
        size = next(size for size in (1000, 100, 10, 1) if year % size == 0 and year + size - 1 <= last)
        found.append(f"{year:04}"[: 5 - len(str(size))])
        year += size
    return found
