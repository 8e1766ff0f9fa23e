"""What the sample carrier is made from: `facts.json`, and chance that depends on nothing but its own name.

`facts` in the file are distributions of real subscribers, each with its source; `assumptions` are chosen, and say so.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

_FILE = Path(__file__).with_name("facts.json")


@cache
def facts() -> dict[str, Any]:
    """Give the real distributions, by name."""
    return _read()["facts"]  # type: ignore[no-any-return]


@cache
def assumptions() -> dict[str, Any]:
    """Give what no public source tells and was chosen, by name."""
    return _read()["assumptions"]  # type: ignore[no-any-return]


@cache
def _read() -> dict[str, Any]:
    return json.loads(_FILE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Spread:
    """A distribution over words: `values` and the running total of their weights."""

    values: tuple[str, ...]
    cumulative: tuple[int, ...]

    @classmethod
    def of(cls, counts: dict[str, int]) -> Spread:
        """Make a distribution of the words' counts."""
        return cls(tuple(counts), tuple(accumulate(counts.values())))

    def draw(self, chance: Random) -> str:
        """Draw one word."""
        return chance.choices(self.values, cum_weights=self.cumulative)[0]


def payments() -> Spread:
    """Give one payment's amount: fen as a word, "" for an amount beside the commonest ones."""
    known = facts()["payment_fen"]
    return Spread.of({**known["counts"], "": known["of"] - sum(known["counts"].values())})


def chance(seed: int, *name: object) -> Random:
    """Give a source of chance for one named thing: the same for the same seed and name, whatever was drawn before."""
    text = "|".join(map(str, (seed, *name)))
    return Random(hashlib.blake2b(text.encode(), digest_size=8).digest())  # noqa: S311 (a sample, no secret)


def tenure_days(chance: Random, years: Spread) -> int:
    """Draw a tenure in days at the campaign's first day.

    `years` is `Spread.of(facts()["tenure_full_years"]["counts"])`, made once by the caller.
    """
    chosen = assumptions()
    if chance.random() < chosen["unicom_tenure_share"]:
        low, quarter, half, upper, high = facts()["online_months"]["quantiles"]
        place = chance.random() * 4
        part = place % 1
        if place >= 3:
            months = upper + (high - upper) * part ** facts()["online_months"]["upper_exponent"]
        else:
            ends = (low, quarter, half, upper)
            months = ends[int(place)] + (ends[int(place) + 1] - ends[int(place)]) * part
        return int(months * 30.4375)
    full = int(years.draw(chance))
    oldest = chosen["older_years"]
    span = oldest[1] - oldest[0] if full >= oldest[0] else 1
    return int((full + chance.random() * span) * 365.25)
