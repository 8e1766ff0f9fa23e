"""Rules 4.7 and 4.8 over months: what was held, reversed and freed long after the recharge.

Everybody recharges 200 yuan on 31 January 2026: 12.00 off and 24.00 back in 6 instalments of 400 fen, due on the 5th.
Held ones are paid for 60 days: that of 5 February until 6 April. Runs between are left out; what fell due and was
answered meanwhile is seen by the next one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Answer, Day, Fact, Play, Story, but, people, recharges, subscribers, terms

JAN = people("""
S-SIXTY  01
S-OVER60 02
S-CLAW   03
S-NEXT   04
""")
FEB = but(JAN, "S-SIXTY status=S status_date=20260202\nS-OVER60 status=S status_date=20260202")
APR06 = but(FEB, "S-SIXTY status=A status_date=20260406")
APR07 = but(APR06, "S-OVER60 status=A status_date=20260407")


def liability(rows: str) -> Fact:
    return Fact(
        "liability: month, opening, promised, credited, forfeited, cancelled, clawed back, closing",
        "select left(month::text, 7), opening_fen, promised_fen, credited_fen, forfeited_fen, cancelled_fen,"
        " clawed_back_fen, closing_fen from marts.liability_by_month",
        rows,
    )


STORY = Story(
    "late events",
    terms("2026-01-26", "2026-02-10", {"data_gift": {"months": 1}}),
    [
        Day(
            "20260131",
            proves="rules 4.4: the second recharge of a tier in the month is refused for LIMIT",
            arrives=[
                subscribers(JAN),
                recharges("""
                R-SIXTY  S-SIXTY  20260131100000 20000 18800 APP
                R-OVER60 S-OVER60 20260131100000 20000 18800 APP
                R-CLAW   S-CLAW   20260131100000 20000 18800 APP
                R-NEXT-1 S-NEXT   20260131090000 20000 18800 APP
                R-NEXT-2 S-NEXT   20260131100000 20000 20000 APP
                """),
            ],
            decided="""
            R-SIXTY|GRANTED||MATCH|1200|1200
            R-OVER60|GRANTED||MATCH|1200|1200
            R-CLAW|GRANTED||MATCH|1200|1200
            R-NEXT-1|GRANTED||MATCH|1200|1200
            R-NEXT-2|LIMIT||*|0|0
            """,
        ),
        Day(
            "20260204",
            proves="rules 4.7: the instalment of a subscriber suspended on its due day is held",
            arrives=[subscribers(FEB)],
            out={
                "credit": """
                    claw.1|S-CLAW|13000000003|400|INSTALMENT|1|6|R-CLAW
                    next1.1|S-NEXT|13000000004|400|INSTALMENT|1|6|R-NEXT-1
                """,
            },
        ),
        Day(
            "20260304",
            proves="rules 4.6, 4.7: the second instalment goes out a month later, but not to the suspended",
            arrives=[subscribers(FEB)],
            out={
                "credit": """
                    claw.2|S-CLAW|13000000003|400|INSTALMENT|2|6|R-CLAW
                    next1.2|S-NEXT|13000000004|400|INSTALMENT|2|6|R-NEXT-1
                """,
            },
        ),
        Day(
            "20260406",
            proves="rules 4.8: a reversal frees the month's slot, and is booked in the open month",
            arrives=[
                subscribers(APR06),
                # of March, which is closed, delivered in April
                recharges("""
                V-CLAW S-CLAW 20260320100000 reverses R-CLAW 20000
                V-NEXT S-NEXT 20260320100000 reverses R-NEXT-1 20000
                """),
            ],
            # 4.8: January's place is free again, and the next in order was refused only for LIMIT
            decided="R-NEXT-2|GRANTED||UNDER|1200|0",
            out={
                # what was paid is taken back, what was not is cancelled; S-SIXTY resumed on the last of the 60 days;
                # R-NEXT-2's first three are past due as they are promised
                "credit": """
                    claw.1.back|S-CLAW|13000000003|400|CLAWBACK|1|6|R-CLAW
                    claw.2.back|S-CLAW|13000000003|400|CLAWBACK|2|6|R-CLAW
                    next1.1.back|S-NEXT|13000000004|400|CLAWBACK|1|6|R-NEXT-1
                    next1.2.back|S-NEXT|13000000004|400|CLAWBACK|2|6|R-NEXT-1
                    next2.good|S-NEXT|13000000004|1200|MAKE_GOOD|||R-NEXT-2
                    next2.1|S-NEXT|13000000004|400|INSTALMENT|1|6|R-NEXT-2
                    next2.2|S-NEXT|13000000004|400|INSTALMENT|2|6|R-NEXT-2
                    next2.3|S-NEXT|13000000004|400|INSTALMENT|3|6|R-NEXT-2
                    sixty.1|S-SIXTY|13000000001|400|INSTALMENT|1|6|R-SIXTY
                    sixty.2|S-SIXTY|13000000001|400|INSTALMENT|2|6|R-SIXTY
                    sixty.3|S-SIXTY|13000000001|400|INSTALMENT|3|6|R-SIXTY
                """,
            },
            answers={"credit": Answer({"R-CLAW": "11"})},
            facts=[
                Fact(
                    "4.8: booked in the open month, with its own event date",
                    "select distinct event_on, booked_on from ledger.ledger_entries"
                    " where entry_type in ('reversed', 'cancelled', 'clawed_back')",
                    "2026-03-20|2026-04-06",
                ),
            ],
        ),
        Day(
            "20260407",
            proves="rules 4.7: an instalment held for more than 60 days is forfeited, a failed clawback leaks",
            arrives=[subscribers(APR07)],
            # a day too late for the one of 5 February; those of 5 March and 5 April are within their 60 days
            out={
                "credit": """
                    over.2|S-OVER60|13000000002|400|INSTALMENT|2|6|R-OVER60
                    over.3|S-OVER60|13000000002|400|INSTALMENT|3|6|R-OVER60
                """,
            },
            facts=[
                Fact(
                    "for people: the amount lost, for the notice; what could not be recovered",
                    "select exception_type, subscriber_id, amount_fen from marts.exceptions"
                    " where exception_type in ('INSTALMENT_FORFEITED', 'CLAWBACK_LEAKED')",
                    """
                    INSTALMENT_FORFEITED|S-OVER60|400
                    CLAWBACK_LEAKED|S-CLAW|400
                    CLAWBACK_LEAKED|S-CLAW|400
                    """,
                ),
                # January: four bonuses of 2400. Answers to 4 February are read in March, those to 4 March in April.
                # April: promised R-NEXT-2 2400; credited CLAW and NEXT-1 800, SIXTY and NEXT-2 6 x 400; forfeited
                # OVER60 400; cancelled R-CLAW and R-NEXT-1 4800, of which 4 x 400 were clawed back. Left: SIXTY and
                # NEXT-2 3 x 400, OVER60 5 x 400
                liability("""
                    2026-01|0|9600|0|0|0|0|9600
                    2026-02|9600|0|0|0|0|0|9600
                    2026-03|9600|0|800|0|0|0|8800
                    2026-04|8800|2400|3200|400|4800|1600|4400
                """),
                Fact(
                    "B2 in all: discounts, instalments and make-good paid, also what leaked; the rest is committed",
                    "select sum(committed_fen), sum(actual_fen) from ledger.ledger_entries where budget_line = 'B2'",
                    # discounts SIXTY, OVER60 2 x 1200 (CLAW, NEXT-1 reversed; R-NEXT-2's was made good: 1200);
                    # instalments 6 x 400, and CLAW's 800 that leaked
                    "4400|6800",
                ),
            ],
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "sms"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
