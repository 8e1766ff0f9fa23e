"""What is kept of a name or a line that cannot be read: the text itself, or a digest if it may hold a secret.

Codes of cards come in files of their own feed. By the carrier's mistake they may come elsewhere, too: as a file's name,
in a check file, in another feed's folder. There nothing says which part of a name or a line is the secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from laoyouhui.config.carrier import Carrier, Column
from laoyouhui.feeds.lines import MASK, BadRow

_PARTS = re.compile(r"[^|,;^~\t ]+")  # of a line, whatever parts its fields
_WORDS = re.compile(r"[^\W_]+")  # of a name
_MOST_DIGITS = 8  # of a number that tells nothing, as a date does
_MOST_CAPITALS = 7  # in a plain name: README has 6, a code more, or letters and digits in one word
_DIGEST = 16  # characters of a name's digest: enough to tell two names apart


def digest(content: bytes) -> str:
    """The digest shown for content that may not be shown."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Masks:
    """Masks names and lines by what a carrier profile says about secrets. Without a secret column nothing is masked.

    `words` are more harmless words of ours, such as a campaign's id, besides the names of feeds and interfaces.
    """

    def __init__(self, carrier: Carrier, *words: str) -> None:
        self._secret_feeds = {name: feed for name, feed in carrier.feeds.items() if feed.secrets}
        self._ours = sorted({*carrier.feeds, *carrier.interfaces, *words}, key=len, reverse=True)
        self._endings = (f"{carrier.files.suffix}.gz", carrier.files.suffix, carrier.check_file.suffix)
        self._looks_like_one = [
            _fits(tuple(column for column in feed.columns if not column.secret)) for feed in self._secret_feeds.values()
        ]

    def name(self, name: str, *, folder: str = "") -> str:
        """A name that is not a delivery's, as it may be shown; in the folder of a feed with secrets, always masked."""
        if not self._secret_feeds or (folder not in self._secret_feeds and self._is_plain(name)):
            return name
        ending = next((ending for ending in self._endings if name.endswith(ending)), "")
        return f"{digest(name.encode('utf-8', 'surrogateescape'))[: len('sha256:') + _DIGEST]}{ending}"

    def _is_plain(self, name: str) -> bool:
        rest = name
        for ours in self._ours:
            rest = rest.replace(ours, " ")
        for ending in self._endings:
            rest = rest.removesuffix(ending)
        words = _WORDS.findall(rest)
        return sum(letter.isupper() for letter in rest) <= _MOST_CAPITALS and all(
            word.isalpha() or (word.isdigit() and len(word) <= _MOST_DIGITS) for word in words
        )

    def row(self, row: BadRow) -> BadRow:
        """A bad row as it may be kept: masked if it looks like one of a feed with secrets."""
        text = row.text if row.text is not None else row.raw.decode("latin-1")
        if not any(looks_like_one(text) for looks_like_one in self._looks_like_one):
            return row
        return BadRow(row.line_no, row.reason, row.field, row.expected, MASK, MASK.encode())


def _fits(columns: tuple[Column, ...]) -> Callable[[str], bool]:
    """Whether a line looks like one with these columns: a code of each code list, and one more value.

    If the columns have no code list: a value for each but one.
    """
    lists = [frozenset(column.codes) for column in columns if column.codes]
    others = [re.compile(form) for column in columns if (form := _FORMS.get(column.type)) is not None]
    needed = 1 if lists else max(len(others) - 1, 1)

    def fits(line: str) -> bool:
        parts = _PARTS.findall(line)
        if not all(words.intersection(parts) for words in lists):
            return False
        return not others or sum(any(form.fullmatch(part) for part in parts) for form in others) >= needed

    return fits


_FORMS = {
    "date": "[12][0-9]{3}[01][0-9][0-3][0-9]",
    "timestamp": "[12][0-9]{3}[01][0-9][0-3][0-9][0-9]{6}",
    "yuan": r"-?[0-9]+\.[0-9]{2}",
}
