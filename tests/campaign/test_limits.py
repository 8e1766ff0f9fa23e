"""Rules 1.8, 4.4 and 4.8: limits that change in mid-month, and what a reversal frees then. Rule 2: a corrected date.

From 26 January 2026 at most 1 discounted recharge of a tier and month, without a cap for customers; from 2 February 2,
and a cap of 2 for a customer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import yaml
from tests.campaign.harness import HOME, Day, Fact, File, Play, Story, but, people, recharges, subscribers, terms

EVERYBODY = people("""
S-ML  01
S-CA  02 customer_id=C-KIN
S-CB  03 customer_id=C-KIN
S-GC  04
S-KA  05 customer_id=C-K1
S-MV  06 customer_id=C-K1
""")
NOT_ENTITLED = "select item_key from marts.exceptions where exception_type = 'DISCOUNT_NOT_ENTITLED'"
CORRECTED = "select subscriber_id from marts.exceptions where exception_type = 'ACTIVATION_CORRECTED'"

STORY = Story(
    "limits",
    terms(
        "2026-01-26",
        "2026-04-30",
        {"recharge": {"limit_per_tier_month": 1, "customer_limit_per_month": None}},
        {
            "effective_from": date(2026, 2, 2),
            "recharge": {"limit_per_tier_month": 2, "customer_limit_per_month": 2},
        },
    ),
    [
        Day("20260125", proves="set-up: everybody is in the snapshot", arrives=[subscribers(EVERYBODY)]),
        Day(
            "20260201",
            proves="rules 4.4: the limit counts each tier by itself",
            arrives=[
                subscribers(but(EVERYBODY, "S-GC gone")),
                recharges("""
                R-CA   S-CA  20260201100000 10000  9500 APP
                R-CA2  S-CA  20260201110000 20000 18800 APP
                """),
            ],
            decided="""
            R-CA|GRANTED||MATCH|500|500
            R-CA2|GRANTED||MATCH|1200|1200
            """,
        ),
        Day(
            "20260202",
            proves="rules 1.8, 4.4: a recharge meets the limits of its own day, and a refused one takes no slot",
            arrives=[
                subscribers(but(EVERYBODY, "S-GC activation_date=20110601")),
                recharges("""
                R-MLA  S-ML  20260201100000 10000  9500 APP
                R-MLB  S-ML  20260201110000 10000 10000 APP
                R-MLC  S-ML  20260202100000 10000  9500 APP
                R-CB   S-CB  20260202100000 10000  9500 APP
                """),
            ],
            # MLB is one too many by the terms of its day, and takes no place from MLC, by whose terms two are allowed;
            # of the customer's two places both are taken, though they were taken without a cap
            decided="""
            R-MLA|GRANTED||MATCH|500|500
            R-MLB|LIMIT||MATCH|0|0
            R-MLC|GRANTED||MATCH|500|500
            R-CB|LIMIT||NOT_ENTITLED|0|500
            """,
            facts=[
                Fact("for finance to settle", NOT_ENTITLED, "R-CB"),
                Fact("a corrected date, though a delivery between left S-GC out", CORRECTED, "S-GC"),
            ],
        ),
        Day(
            "20260203",
            proves="rules 1.8, 4.8: a reversal frees the customer's slot for the next in order, by its own terms",
            arrives=[
                subscribers(but(EVERYBODY, "S-GC activation_date=20110601")),
                recharges("""
                V-CA   S-CA  20260203100000 reverses R-CA 10000
                R-KA   S-KA  20260203100000 10000  9500 APP
                R-KA2  S-KA  20260203110000 20000 18800 APP
                """),
            ],
            # R-CB waits by its own terms, which have a cap; those of R-CA had none
            decided="""
            R-CB|GRANTED||MATCH|500|500
            R-KA|GRANTED||MATCH|500|500
            R-KA2|GRANTED||MATCH|1200|1200
            """,
            facts=[Fact("nothing left to settle", NOT_ENTITLED, "")],
        ),
        Day(
            "20260204",
            proves="rules 4.4: the cap of the customer of that day decides, and who is refused takes no slot",
            arrives=[
                subscribers(but(EVERYBODY, "S-GC activation_date=20110601\nS-MV customer_id=C-K3")),
                recharges("""
                R-MV1  S-MV  20260203120000 10000 10000 APP
                R-MV2  S-MV  20260203130000 10000 10000 APP
                R-MV3  S-MV  20260204100000 10000  9500 APP
                R-MV4  S-MV  20260204110000 10000  9500 APP
                R-MV5  S-MV  20260204120000 20000 20000 APP
                """),
            ],
            # as one of C-K1, whose two places S-KA has taken, S-MV gets nothing, and what is refused takes no place of
            # its tier; C-K3 has two, and none for the third
            decided="""
            R-MV1|LIMIT||MATCH|0|0
            R-MV2|LIMIT||MATCH|0|0
            R-MV3|GRANTED||MATCH|500|500
            R-MV4|GRANTED||MATCH|500|500
            R-MV5|LIMIT||MATCH|0|0
            """,
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


def test_a_card_takes_no_slot_of_a_customer_who_is_called_as_its_subscriber(new_play: Callable[[Story], Play]) -> None:
    """Rules 4.4 and 7: ids of customers and of subscribers are the carrier's, and may be the same text."""
    shipped = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))["terms"][0]
    sections = {name: shipped[name] for name in ("membership", "cards")}
    sections["messages"] = {
        "templates": [
            each
            for each in shipped["messages"]["templates"]
            if each["event"] in ("data_gift", "instalment", "card_code")
        ]
    }
    sections["recharge"] = {"customer_limit_per_month": 1}
    one_name = people("S-ML  01 customer_id=S-ML")
    story = Story(
        "one name",
        terms("2026-01-26", "2026-04-30", sections),
        [
            Day("20260125", proves="set-up: a customer has the id of his subscriber", arrives=[subscribers(one_name)]),
            Day(
                "20260201",
                proves="set-up: a card is claimed",
                arrives=[
                    subscribers(one_name),
                    File("card_stock", ["CODE0001|IQIYI|20260201|20261231|15.00"]),
                    File("card_claim", ["C-1|S-ML|20260201090000|IQIYI"]),
                ],
            ),
            Day(
                "20260202",
                proves="set-up: a recharge follows in the same month",
                arrives=[subscribers(one_name), recharges("R-1  S-ML  20260202100000 10000  9500 APP")],
            ),
        ],
    )
    play = new_play(story)
    play.reach(story.days[-1])
    assert play.query("select claim_id, reason from ledger.card_decisions") == [("C-1", "GRANTED")]
    assert play.query("select recharge_id, reason from ledger.recharge_decisions") == [("R-1", "GRANTED")]
