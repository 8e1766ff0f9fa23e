"""Intake is the wall: what no later step could bear, or would pay wrongly, is quarantined, and the date goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import ANYTHING, Day, Fact, File, Play, Story, people, recharge_rows, subscribers, terms

WHO = people("""
    S-A  01
    S-B  02
    S-C  03
""")

ASIDE = """
    select deliveries.feed, rows.line_no, rows.reason, rows.field
    from raw.quarantined_row as rows inner join raw.delivery as deliveries using (delivery_no)
    where deliveries.received_on = {on}
"""

STORY = Story(
    "the wall",
    terms("2026-01-26", "2026-04-30", {"intake": {"bad_rows_limit_bp": 9000, "delivered_by": "09:00"}}),
    [
        Day(
            "20260125",
            proves="set-up: three subscribers qualify",
            arrives=[subscribers(WHO)],
            out={"eligibility": ANYTHING, "data_grant": ANYTHING},
        ),
        Day(
            "20260126",
            proves="rules 12: what no later step can bear is quarantined with its reason, the rest goes on",
            arrives=[
                subscribers(WHO),
                File(
                    "recharge",
                    [
                        *recharge_rows("""
                            R-GOOD     S-A 20260126100000 20000 18800 APP
                            R-{secret:1 S-B 20260126100000 20000 18800 APP
                            R-ZERO     S-B 20260126100000 20000 0 APP
                            R-NEGATIVE S-B 20260126100000 20000 -100000 APP
                            R-ABOVE    S-B 20260126100000 20000 20500 APP
                            R-FEBRUARY S-B 20260226100000 20000 18800 APP
                            R-TOMORROW S-B 20260127000000 20000 18800 APP
                            R-SECOND   S-C 20260126235959 20000 18800 APP
                        """),
                        "R-NULL|null||20260126100000|RECHARGE||20000|18800|APP||",
                    ],
                ),
                File("card_claim", ["K-1|S-A|20260301100000|TENCENT", "K-2|S-A|20260126100000|TENCENT"]),
                File("social", ["WEIBO|20270126|老友惠|5|5|5", "WEIBO|20260126|老友惠|5|5|5"]),
                File("stock_movement", [
                    "M-1|CUP|GIFT|20260126100000|999999999999999|1000000.00|",
                    "M-2|CUP|GIFT|20260126100000|1000000|100000.00|",
                ]),
                File("expense", [f"V-{line}|20260126|{line}|5.00|" for line in ("TOTAL", "B9", "b6", "B5", "B6")]),
                File(
                    "optout",
                    [
                        "O-1|+8613000000002||20260126100000|OUT|SMS",
                        "O-2|1.3E+10||20260126100000|OUT|SMS",
                        "O-3|13000000003||20260127000000|IN|SMS",
                        "O-4|13000000003||20260127000005|OUT|SMS",
                    ],
                ),
            ],
            out={
                "sms": ANYTHING,
                "eligibility": ANYTHING,
            },
            decided="""
                R-GOOD|GRANTED||MATCH|1200|1200
                R-SECOND|GRANTED||MATCH|1200|1200
            """,
            facts=[
                Fact("rows that are quarantined, each with its reason", ASIDE, """
                    card_claim|1|FUTURE|claimed_at
                    expense|1|CODE|budget_line
                    expense|2|CODE|budget_line
                    expense|3|CODE|budget_line
                    expense|4|CODE|budget_line
                    optout|2|TYPE|msisdn
                    optout|3|FUTURE|at
                    recharge|2|TYPE|recharge_id
                    recharge|3|RANGE|paid_amount
                    recharge|4|RANGE|paid_amount
                    recharge|5|RANGE|paid_amount
                    recharge|6|FUTURE|recharged_at
                    recharge|7|FUTURE|recharged_at
                    recharge|9|TYPE|subscriber_id
                    social|1|FUTURE|day
                    stock_movement|1|RANGE|quantity
                """),
                Fact("a number is kept without its prefix", "select event_id, msisdn from raw.optout", """
                    O-1|13000000002
                    O-4|13000000003
                """),
            ],
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
