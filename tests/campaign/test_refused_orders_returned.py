"""Rule 6: what a return of an order changes that was never granted: nothing, and the date is released.

Paid more than the list says, an order would have had a subsidy below nothing. The campaign has room for one device of
1000 yuan (B3: 150.00), so that a second one waits.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Day, Fact, File, Play, Story, costs, people, subscribers, terms

WHO = people("""
S-OK    01
S-YOUNG 02 activation_date=20240101
S-TWO   03
S-CAP   04
S-CONF  05
S-DEAR  06
S-EARLY 07
""")
CATALOGUE = File("device_catalogue", ["SKU-999|华为|A1|999.99|20260101|", "SKU-1000|华为|A2|1000.00|20260101|"])


def event(order: str, who: str, what: str, at: str, paid: str = "", sku: str = "SKU-999", content: str = "") -> str:
    listed = {"SKU-999": "999.99", "SKU-1000": "1000.00"}[sku]
    of = f"{sku}|{listed}|{paid}" if paid else "||"
    return f"E-{what}-{order}{content}|{order}|{who}|{what}|{at}|{of}|APP||"


ORDERS = Fact(
    "orders: state, decision, subsidy",
    "select order_id, order_state, decision, subsidy_fen from marts.device_orders",
    """
    O-YOUNG|RETURNED|NOT_ELIGIBLE|0
    O-OK|PAID|GRANTED|5000
    O-LIMIT|RETURNED|LIMIT|0
    O-CAP|RETURNED|CAP|0
    O-CONF|RETURNED|CONFLICT|0
    O-DEAR|RETURNED|GRANTED|0
    O-EARLY|RETURNED|RETURNED|0
    """,
)

STORY = Story(
    "orders returned that were never granted",
    terms("2026-02-01", "2026-02-28", {
        "data_gift": None, "recharge": None, "messages": {"templates": []},
        "devices": {
            "channels": ["APP"], "bands": [{"from_fen": 0, "rate_bp": 9500}],
            "limit": 1, "hold_days": 60, "late_days": 2, "ship_days": 9, "unpaid_days": 9,
        },
        "caps": {"B3": 12000},
    }),
    aside=frozenset({"eligibility"}),
    days=[
        Day(
            "20260131",
            proves="set-up: the subscribers and the device list are known",
            arrives=[subscribers(WHO), CATALOGUE],
        ),
        Day(
            "20260201",
            proves="rules 4.5, 6: who paid more than the list says is made good the discount, never more",
            arrives=[
                subscribers(WHO),
                File("device_order", [
                    event("O-OK", "S-OK", "PAID", "20260201090000", "949.99"),
                    event("O-DEAR", "S-DEAR", "PAID", "20260201091000", "1000.00"),
                    event("O-YOUNG", "S-YOUNG", "PAID", "20260201100000", "1000.00"),
                    event("O-LIMIT", "S-OK", "PAID", "20260201110000", "1000.00"),
                    event("O-CAP", "S-CAP", "PAID", "20260201120000", "1000.00"),
                    event("O-CONF", "S-CONF", "PAID", "20260201130000", "1000.00"),
                    event("O-CONF", "S-CONF", "PAID", "20260201130000", "949.99"),
                    event("O-EARLY", "S-EARLY", "RETURNED", "20260201140000"),
                ]),
            ],
            # 95 % of 999.99 are 949.9905: 50.00 off each. O-OK and O-DEAR fill the cap of 120.00 but for 20.00. Whoever
            # paid more than the list is made good the discount, never more
            out={
                "device_decision": """
                    ok|O-OK|S-OK|GRANTED|94999|94999|GRANTED
                    dear|O-DEAR|S-DEAR|GRANTED|94999|100000|GRANTED
                    young|O-YOUNG|S-YOUNG|REFUSED|99999|100000|TENURE
                    limit|O-LIMIT|S-OK|REFUSED|99999|100000|LIMIT
                    cap|O-CAP|S-CAP|REFUSED|99999|100000|CAP
                    conf|O-CONF|S-CONF|REFUSED|99999|*|CONFLICT
                """,
                "credit": "made-good|S-DEAR|13000000006|5000|MAKE_GOOD|||O-DEAR",
            },
            facts=[costs("B3", "50.00 off and 50.00 to be made good", "5000|5000")],
        ),
        Day(
            "20260202",
            proves="rules 6: a return of an order that was never granted changes nothing",
            arrives=[
                subscribers(WHO),
                File("device_order", [
                    *[
                        event(order, who, "RETURNED", "20260202100000")
                        for order, who in [
                            ("O-YOUNG", "S-YOUNG"), ("O-LIMIT", "S-OK"), ("O-CAP", "S-CAP"), ("O-CONF", "S-CONF"),
                            ("O-DEAR", "S-DEAR"),
                        ]
                    ],
                    event("O-YOUNG", "S-YOUNG", "RETURNED", "20260202110000", content="-AGAIN"),
                    event("O-EARLY", "S-EARLY", "PAID", "20260201130000", "1000.00"),
                ]),
            ],
            out={
                "device_decision": """
                    dear-back|O-DEAR|S-DEAR|RETURNED|99999|100000|RETURNED
                    early|O-EARLY|S-EARLY|REFUSED|99999|100000|RETURNED
                """,
                "credit": "taken-back|S-DEAR|13000000006|5000|CLAWBACK|||O-DEAR",
            },
            facts=[ORDERS, costs("B3", "the make-good was taken back", "-5000|10000")],
        ),
        # the claim is answered; what waited for the budget was returned and gets nothing
        Day(
            "20260203",
            proves="rules 6: returned again, it changes nothing either",
            arrives=[
                subscribers(WHO),
                File("device_order", [event("O-YOUNG", "S-YOUNG", "RETURNED", "20260203110000", content="-3")]),
            ],
            facts=[ORDERS, costs("B3", "the device that was kept", "0|5000")],
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
