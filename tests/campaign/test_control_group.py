"""Rules 2 and 9: a customer of the control group gets nothing, and no message; HOLDOUT is the last reason.

Whoever of it is found with a benefit is listed as leaked.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Day, Fact, Play, Story, but, people, recharges, subscribers, terms

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
            proves="rules 2, 9: the control group gets nothing, and HOLDOUT is the last reason",
            arrives=[subscribers(EVERYBODY)],
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
            proves="rules 4.3: a recharge of the control group is NOT_ELIGIBLE, for the first reason of rules 2",
            arrives=[
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


# half of the customers, of two: in the order of strata every second one, which is C02
PAIR = people("""
S-IN   01
S-OUT  02
""")
LEAKED = "select item_key, subscriber_id, amount_fen from marts.exceptions where exception_type = 'CONTROL_LEAKED'"

LEAKS = Story(
    "leaked control group",
    terms("2026-01-26", "2026-04-30") | {"control_group": {"share_bp": 5000}},
    [
        Day(
            "20260125",
            proves="set-up: one of two customers is drawn into the control group",
            arrives=[subscribers(PAIR)],
        ),
        Day(
            "20260126",
            proves="rules 9: a control customer whom a channel gave a discount is listed as leaked",
            arrives=[
                subscribers(PAIR),
                recharges("""
                R-IN   S-IN  20260126100000 10000  9500 APP
                R-OUT  S-OUT 20260126100000 10000  9500 APP
                R-FULL S-OUT 20260126110000 10000 10000 APP
                R-BACK S-OUT 20260126120000 20000 18800 APP
                V-BACK S-OUT 20260126130000 reverses R-BACK 20000
                """),
            ],
            decided="""
            R-IN|GRANTED||MATCH|500|500
            R-OUT|NOT_ELIGIBLE|HOLDOUT|NOT_ENTITLED|0|500
            R-FULL|NOT_ELIGIBLE|HOLDOUT|MATCH|0|0
            R-BACK|NOT_ELIGIBLE|HOLDOUT|NOT_ENTITLED|0|1200
            """,
            facts=[Fact("what a channel took off by itself, and was not reversed", LEAKED, "R-OUT|S-OUT|500")],
        ),
        Day(
            "20260127",
            proves="rules 9: benefits that come to a control customer with a subscriber are leaked, and he stays",
            arrives=[subscribers(but(PAIR, "S-IN customer_id=C02"))],
            facts=[
                Fact(
                    "and whoever came with benefits: the gift of January and a discount",
                    "select benefit, leaked.subscriber_id, leaked.amount_fen from marts.exceptions as leaked"
                    " left join ledger.participations on grant_key = item_key"
                    " where exception_type = 'CONTROL_LEAKED'",
                    "DATA_GIFT|S-IN|*\nRECHARGE_DISCOUNT|S-IN|500\n|S-OUT|500",
                ),
                Fact(
                    "it stays in the control group",
                    "select customer_id from intermediate.int_holdout__customers where is_control",
                    "C02",
                ),
            ],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "sms"}),
)


@pytest.fixture(scope="module")
def leaks(new_play: Callable[[Story], Play]) -> Play:
    return new_play(LEAKS)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


@pytest.mark.parametrize("day", LEAKS.days, ids=str)
def test_leaks(leaks: Play, day: Day) -> None:
    leaks.check(day)
