"""Rules 1.2 and 12: of the snapshots of one date the one with the highest number stands, however late the others come.

A late recharge is judged by the state of its own day, as corrected.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Day, Play, Story, but, people, recharges, subscribers, terms

EVERYBODY = people("""
S-A 01
S-B 02
""")
CORRECTED = but(EVERYBODY, "S-B status=S status_date=20260126")

STORY = Story(
    "corrections of a snapshot",
    terms("2026-01-26", "2026-04-30"),
    [
        Day("20260125", proves="set-up: both subscribers are active", arrives=[subscribers(EVERYBODY)]),
        # the first file of the 26th does not come; its correction does
        Day(
            "20260126",
            proves="set-up: a correction of 26 January comes before the file that it corrects",
            arrives=[subscribers(CORRECTED, seq=2)],
        ),
        Day(
            "20260127",
            proves="rules 1.2, 12: a first file that comes after its correction does not undo it",
            arrives=[
                subscribers(EVERYBODY, date="20260126"),
                subscribers(EVERYBODY),
                recharges("""
                R-A  S-A 20260126100000 10000  9500 APP
                R-B  S-B 20260126100000 10000 10000 APP
                R-B2 S-B 20260127100000 20000 18800 APP
                """),
            ],
            decided="""
            R-A|GRANTED||MATCH|500|500
            R-B|NOT_ELIGIBLE|NOT_ACTIVE|MATCH|0|0
            R-B2|GRANTED||MATCH|1200|1200
            """,
        ),
        # a third one corrects the second
        Day(
            "20260128",
            proves="rules 1.2, 12: a further correction holds for recharges decided from then on",
            arrives=[
                subscribers(EVERYBODY, date="20260126", seq=3),
                subscribers(EVERYBODY),
                recharges("R-B3 S-B 20260126110000 30000 28000 APP"),
            ],
            decided="R-B3|GRANTED||MATCH|2000|2000",
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "sms"}),
)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
