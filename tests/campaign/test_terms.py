"""Rules 1.8, 2 and 4: what a campaign file can say otherwise, and a change of terms in mid-campaign.

From 26 January 2026: tiers by `floor`, tenure judged on the campaign's first day, at most 2 discounted recharges of
one customer in a month, instalments on the 5th with the odd fen first: 24.00 over 7 is 348 and six of 342; 50.00 over
12 is 424 and eleven of 416. From 1 February: `exact`, and 200 yuan earn 10 off and 24 in 6 instalments.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from tests.campaign.harness import Day, Play, Story, people, recharges, subscribers, terms

EVERYBODY = people("""
S-LOW    01
S-105    02
S-150    03
S-500    04
S-200    05
S-JOINS  06 activation_date=20210128   # five years on 28 January, but not on 26 January
S-EXACT  07 activation_date=20210126
S-KIN1   08 customer_id=C-KIN
S-KIN2   09 customer_id=C-KIN
S-KIN3   10 customer_id=C-KIN
S-LATE   11
S-FEB150 12
S-FEB200 13
""")

STORY = Story(
    "terms",
    terms(
        "2026-01-26",
        "2026-04-30",
        {
            "eligibility": {"tenure_judged_on": "campaign_start"},
            "recharge": {
                "match": "floor",
                "customer_limit_per_month": 2,
                "instalment_day": 5,
                "odd_fen_to": "first",
                "tiers": [
                    {"face_fen": 10000, "discount_fen": 500},
                    {"face_fen": 20000, "discount_fen": 1200, "bonus_fen": 2400, "instalments": 7},
                    {"face_fen": 30000, "discount_fen": 2000, "bonus_fen": 5000, "instalments": 12},
                ],
            },
        },
        {
            "effective_from": date(2026, 2, 1),
            "recharge": {
                "match": "exact",
                "tiers": [
                    {"face_fen": 10000, "discount_fen": 500},
                    {"face_fen": 20000, "discount_fen": 1000, "bonus_fen": 2400, "instalments": 6},
                ],
            },
        },
    ),
    [
        Day("20260125", proves="set-up: everybody is in the snapshot", arrives=[subscribers(EVERYBODY)]),
        Day(
            "20260131",
            proves="rules 2, 4.1, 4.4: floor tiers, tenure on the first day and the customer's cap decide",
            arrives=[
                subscribers(EVERYBODY),
                recharges("""
                R-9999    S-LOW    20260131100000  9999  9999 APP
                R-10005   S-105    20260131100000 10005  9505 APP
                R-150     S-150    20260131100000 15000 14500 APP
                R-100     S-150    20260131110000 10000 10000 APP
                R-500     S-500    20260131100000 50000 48000 APP
                R-200     S-200    20260131100000 20000 18800 APP
                R-JOINS   S-JOINS  20260131100000 10000 10000 APP
                R-EXACT   S-EXACT  20260131100000 10000  9500 APP
                R-KIN1    S-KIN1   20260131100000 10000  9500 APP
                R-KIN2    S-KIN2   20260131120000 10000 10000 APP
                R-KIN3    S-KIN3   20260131110000 10000  9500 APP
                """),
            ],
            # floor: the highest tier not above the amount; below the lowest nothing; two amounts of one tier share
            # its limit
            decided="""
            R-9999|TIER||*|0|0
            R-10005|GRANTED||MATCH|500|500
            R-150|GRANTED||MATCH|500|500
            R-100|LIMIT||*|0|0
            R-500|GRANTED||MATCH|2000|2000
            R-200|GRANTED||MATCH|1200|1200
            R-JOINS|NOT_ELIGIBLE|TENURE|*|0|0
            R-EXACT|GRANTED||MATCH|500|500
            # the customer's third in order of time is one too many
            R-KIN1|GRANTED||MATCH|500|500
            R-KIN3|GRANTED||MATCH|500|500
            R-KIN2|LIMIT||*|0|0
            """,
        ),
        Day(
            "20260201",
            proves="rules 1.8: a recharge is judged by the terms of its own date",
            arrives=[
                subscribers(EVERYBODY),
                recharges("""
                R-LATE150 S-LATE   20260131235959 15000 14500 APP
                R-FEB150  S-FEB150 20260201000000 15000 15000 APP
                R-FEB200  S-FEB200 20260201000000 20000 19000 APP
                R-KINFEB  S-KIN2   20260201100000 10000  9500 APP
                """),
            ],
            # 1.8: the terms of the event's own date
            decided="""
            R-LATE150|GRANTED||MATCH|500|500
            R-FEB150|TIER||*|0|0
            R-FEB200|GRANTED||MATCH|1000|1000
            R-KINFEB|GRANTED||MATCH|500|500
            """,
        ),
        Day(
            "20260204",
            proves="rules 4.6: the odd fen go to the first instalment, where the terms say so",
            arrives=[subscribers(EVERYBODY)],
            out={
                "credit": """
                    r200.1|S-200|13000000005|348|INSTALMENT|1|7|R-200
                    r500.1|S-500|13000000004|424|INSTALMENT|1|12|R-500
                """,
            },
        ),
        # a schedule keeps the terms under which it was promised: 7 and 12 go on beside the new 6
        Day(
            "20260304",
            proves="rules 1.8: a schedule keeps the terms under which it was promised",
            arrives=[subscribers(EVERYBODY)],
            out={
                "credit": """
                    r200.2|S-200|13000000005|342|INSTALMENT|2|7|R-200
                    r500.2|S-500|13000000004|416|INSTALMENT|2|12|R-500
                    feb200.1|S-FEB200|13000000013|400|INSTALMENT|1|6|R-FEB200
                """,
            },
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
