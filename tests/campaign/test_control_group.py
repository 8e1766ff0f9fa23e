"""Rules 2 and 9: a customer of the control group gets nothing, and no message; HOLDOUT is the last reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Day, Fact, Play, Story, people, recharges, subscribers, terms

EVERYBODY = people("""
S-CONTROL 01
S-OWNER   02 owner_since=20240101   # fails OWNER_CHANGED before HOLDOUT
""")

STORY = Story(
    "control group",
    terms("2026-01-26", "2026-04-30") | {"control_group": {"share_bp": 10000}},  # 100 %: all are held out
    [
        Day(
            "20260125",
            [subscribers(EVERYBODY)],
            facts=[
                Fact(
                    "reason of each city",
                    "select city_code, reason, subscribers from marts.eligibility_by_city_reason"
                    " where judged_for = date '2026-01-26' and subscribers > 0",
                    "1001|HOLDOUT|1\n1002|OWNER_CHANGED|1",
                )
            ],
        ),
        Day(
            "20260126",
            [
                subscribers(EVERYBODY),
                recharges("""
                R-1 S-CONTROL 20260126100000 20000 20000 APP
                R-2 S-OWNER   20260126100000 20000 20000 APP
                """),
            ],
            decided="""
            R-1|NOT_ELIGIBLE|HOLDOUT|*|0|0
            R-2|NOT_ELIGIBLE|OWNER_CHANGED|*|0|0
            """,
        ),
    ],
)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_day(play: Play, day: Day) -> None:
    play.check(day)
