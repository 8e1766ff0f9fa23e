"""Rules 1.9: two campaigns at once, each its own file; where they exclude each other the higher priority grants.

lyh2026 (priority 100) and spring (priority 50) both run from 30 January 2026, each with 1 GB a month at 50 fen. Both
discount recharges of 100 yuan by 5 yuan, once a month; spring also those of 50 yuan by 1 yuan, which lyh2026 does not
know. Recharges and data gifts are declared exclusive, by spring alone: that counts for both.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import ANYTHING, Day, Fact, File, Play, Story, people, recharges, subscribers, terms

WHO = people("""
S-BOTH  01
S-TWICE 02
S-50    03
S-OLDER 04 activation_date=20220101
""")
GIFT = {"months": 1, "megabytes": 1024, "product_code": "GIFT", "unit_price_fen_per_gb": 50}
HUNDRED = {"tiers": [{"face_fen": 10000, "discount_fen": 500}]}
SPRING = terms(
    "2026-01-30",
    "2026-02-28",
    {
        "data_gift": GIFT,
        "recharge": {"tiers": [{"face_fen": 5000, "discount_fen": 100}, *HUNDRED["tiers"]]},
        "eligibility": {"tenure_years": 3, "tenure_bands_years": [0, 3, 5]},
        "stacking": {
            "exclusive": [
                {"benefit": "recharge", "campaigns": ["lyh2026"]},
                {"benefit": "data_gift", "campaigns": ["lyh2026"]},
            ]
        },
    },
)

STORY = Story(
    "two campaigns",
    terms("2026-01-30", "2026-02-28", {"data_gift": GIFT, "recharge": HUNDRED}),
    aside=frozenset({"sms", "eligibility"}),
    beside={"spring": {**SPRING, "priority": 50, "name": "春季充值礼"}},
    days=[
        Day(
            "20260129",
            proves="rules 1.9: of exclusive gifts the campaign of higher priority gives, the other records why not",
            arrives=[subscribers(WHO)],
            out={
                # S-OLDER has four years: spring alone gives, and nothing stands in its way
                "data_grant": """
                    gift-BOTH  | S-BOTH  | 13000000001 | GIFT | 1024 | 20260130 | 20260131
                    gift-TWICE | S-TWICE | 13000000002 | GIFT | 1024 | 20260130 | 20260131
                    gift-50    | S-50    | 13000000003 | GIFT | 1024 | 20260130 | 20260131
                """.replace(" ", ""),
                "data_grant@spring": "gift-OLDER|S-OLDER|13000000004|GIFT|1024|20260130|20260131",
            },
            facts=[
                Fact(
                    "why spring did not give",
                    "select campaign_id, subscriber_id, reason from ledger.data_gift_decisions"
                    " where reason <> 'GRANTED'",
                    "spring|S-BOTH|EXCLUSIVE\nspring|S-TWICE|EXCLUSIVE\nspring|S-50|EXCLUSIVE",
                ),
                Fact(
                    "each campaign pays for its own",
                    "select campaign_id, sum(committed_fen) from marts.budget_by_line_month"
                    " where budget_line = 'B1' group by 1",
                    "lyh2026|150\nspring|50",
                ),
            ],
        ),
        Day(
            "20260130",
            proves="rules 1.9: a recharge that is EXCLUSIVE takes no slot",
            arrives=[
                subscribers(WHO),
                recharges("""
                    R-BOTH   S-BOTH  20260130100000 10000 9500 APP
                    R-FIRST  S-TWICE 20260130100000 10000 9500 APP
                    R-SECOND S-TWICE 20260130110000 10000 9500 APP
                    R-50     S-50    20260130120000  5000 4900 APP
                    R-OLDER  S-OLDER 20260130120000 10000 9500 APP
                """),
            ],
            facts=[
                Fact(
                    # R-FIRST takes no place in spring, which does not grant it: R-SECOND has one
                    "recharges decided",
                    "select campaign_id, recharge_id, reason, discount_check from ledger.recharge_decisions",
                    """
                    lyh2026|R-BOTH|GRANTED|MATCH
                    spring|R-BOTH|EXCLUSIVE|NOT_ENTITLED
                    lyh2026|R-FIRST|GRANTED|MATCH
                    spring|R-FIRST|EXCLUSIVE|NOT_ENTITLED
                    lyh2026|R-SECOND|LIMIT|NOT_ENTITLED
                    spring|R-SECOND|GRANTED|MATCH
                    lyh2026|R-50|TIER|NOT_ENTITLED
                    spring|R-50|GRANTED|MATCH
                    lyh2026|R-OLDER|NOT_ELIGIBLE|NOT_ENTITLED
                    spring|R-OLDER|GRANTED|MATCH
                    """,
                ),
                Fact(
                    "a discount that another campaign owes is no exception of this one",
                    "select campaign_id, item_key from marts.exceptions where exception_type = 'DISCOUNT_NOT_ENTITLED'",
                    "",
                ),
                Fact(
                    "what each has cost",
                    "select campaign_id, sum(actual_fen) from marts.budget_by_line_month"
                    " where budget_line = 'B2' group by 1",
                    "lyh2026|1000\nspring|1100",
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 1.9, 4.8: a freed slot does not bring back what the other campaign has granted",
            arrives=[
                subscribers(WHO),
                # lyh2026's place is free again: R-SECOND is spring's for good, so R-THIRD takes it
                recharges("""
                    V-1      S-TWICE 20260131090000 reverses R-FIRST 10000
                    R-THIRD  S-TWICE 20260131100000 10000 9500 APP
                """),
            ],
            out={"data_grant": ANYTHING, "data_grant@spring": ANYTHING},
            facts=[
                Fact(
                    "recharges decided",
                    "select campaign_id, recharge_id, reason from ledger.recharge_decisions where decided_on = {on}",
                    "lyh2026|R-THIRD|GRANTED\nspring|R-THIRD|EXCLUSIVE",
                ),
            ],
        ),
    ],
)


# Devices and family numbers, which spring alone declares exclusive; one device each, two numbers of lyh2026's, three of
# spring's. S-OLDER has four years, which spring alone finds enough.
ORDERS = {
    "devices": {
        "channels": ["APP"],
        "bands": [{"from_fen": 0, "rate_bp": 9000}],
        "limit": 1,
        "hold_days": 60,
        "late_days": 2,
        "ship_days": 3,
        "unpaid_days": 3,
    }
}
CATALOGUE = File("device_catalogue", ["SKU-1000|华为|A2|1000.00|20260101|"])


def orders(text: str) -> File:
    """A `device_order` delivery from lines `event-id order subscriber EVENT time paid`, a device of 1000 yuan each."""
    return File(
        "device_order",
        [
            f"{event_id}|{order}|{who}|{event}|{at}|SKU-1000|1000.00|{paid}|APP||"
            for event_id, order, who, event, at, paid in (line.split() for line in text.splitlines() if line.strip())
        ],
    )


def requests(text: str) -> File:
    """A `family_request` delivery from lines `id subscriber time ADD|REMOVE number`."""
    return File("family_request", ["|".join(line.split()) + "|APP|" for line in text.splitlines() if line.strip()])


REASON = "select campaign_id, rule_no, input from ledger.reasons where rule = 'EXCLUSIVE' and outcome = 'failed'"

ASKED = Story(
    "orders and requests of two campaigns",
    terms("2026-02-01", "2026-02-28", {**ORDERS, "family_numbers": {"limit": 2, "exclusive": False}}),
    aside=frozenset({"sms", "eligibility", "data_grant", "device_decision"}),
    beside={
        "spring": {
            **terms(
                "2026-02-01",
                "2026-02-28",
                {
                    **ORDERS,
                    "family_numbers": {"limit": 3, "exclusive": False},
                    "eligibility": {"tenure_years": 3, "tenure_bands_years": [0, 3, 5]},
                    "stacking": {
                        "exclusive": [
                            {"benefit": "devices", "campaigns": ["lyh2026"]},
                            {"benefit": "family_numbers", "campaigns": ["lyh2026"]},
                        ]
                    },
                },
            ),
            "priority": 50,
            "name": "春季充值礼",
        }
    },
    days=[
        Day(
            "20260131",
            proves="set-up: the subscribers and the device list are known",
            arrives=[subscribers(WHO), CATALOGUE],
        ),
        Day(
            "20260201",
            proves="rules 1.9: an exclusive order or number that one campaign refuses is the other's to grant",
            arrives=[
                subscribers(WHO),
                orders("""
                    E-1 O-FIRST  S-BOTH  PAID 20260201100000 900.00
                    E-2 O-SECOND S-BOTH  PAID 20260201110000 900.00
                    E-3 O-OLDER  S-OLDER PAID 20260201110000 900.00
                """),
                requests("""
                    Q-1 S-BOTH  20260201090000 ADD 13000000002
                    Q-2 S-BOTH  20260201090001 ADD 13000000002
                    Q-3 S-BOTH  20260201090002 ADD 13000000003
                    Q-4 S-BOTH  20260201090003 ADD 13000000004
                    Q-5 S-OLDER 20260201090000 ADD 13000000002
                """),
            ],
            out={
                "family_link": """
                    q1|S-BOTH|13000000001|13000000002|ADD|20260201090000
                    q3|S-BOTH|13000000001|13000000003|ADD|20260201090002
                """,
                "family_link@spring": """
                    q4|S-BOTH|13000000001|13000000004|ADD|20260201090003
                    q5|S-OLDER|13000000004|13000000002|ADD|20260201090000
                """,
            },
            facts=[
                Fact(
                    # O-FIRST takes no place in spring, which does not grant it: O-SECOND has one
                    "orders decided",
                    "select campaign_id, order_id, reason, price_check from ledger.device_decisions",
                    """
                    lyh2026|O-FIRST|GRANTED|MATCH
                    spring|O-FIRST|EXCLUSIVE|NOT_ENTITLED
                    lyh2026|O-SECOND|LIMIT|NOT_ENTITLED
                    spring|O-SECOND|GRANTED|MATCH
                    lyh2026|O-OLDER|NOT_ELIGIBLE|NOT_ENTITLED
                    spring|O-OLDER|GRANTED|MATCH
                    """,
                ),
                Fact(
                    "a discount that another campaign owes is no exception of this one",
                    "select campaign_id, item_key from marts.exceptions where exception_type = 'DEVICE_NOT_ENTITLED'",
                    "",
                ),
                Fact(
                    # spring has places left; what lyh2026 approves, or has approved already, takes none of them
                    "requests decided",
                    "select campaign_id, request_id, reason from ledger.family_decisions",
                    """
                    lyh2026|Q-1|APPROVED
                    spring|Q-1|EXCLUSIVE
                    lyh2026|Q-2|DUPLICATE
                    spring|Q-2|EXCLUSIVE
                    lyh2026|Q-3|APPROVED
                    spring|Q-3|EXCLUSIVE
                    lyh2026|Q-4|QUOTA
                    spring|Q-4|APPROVED
                    lyh2026|Q-5|NOT_ELIGIBLE
                    spring|Q-5|APPROVED
                    """,
                ),
                Fact("why not the order", f"{REASON} and subject_id = 'O-FIRST'", "spring|1.9|granted by lyh2026"),
                Fact("why not the request", f"{REASON} and subject_id = 'Q-3'", "spring|1.9|approved by lyh2026"),
            ],
        ),
        Day(
            "20260202",
            proves="rules 1.9, 6: a return does not bring back an order that the other campaign has granted",
            arrives=[
                subscribers(WHO),
                # lyh2026's place is free again: O-SECOND is spring's for good, so O-THIRD takes it
                orders("""
                    E-4 O-FIRST S-BOTH RETURNED 20260202090000 900.00
                    E-5 O-THIRD S-BOTH PAID     20260202100000 900.00
                """),
                requests("Q-6 S-BOTH 20260202090000 REMOVE 13000000002"),
            ],
            out={"family_link": "q1.end|S-BOTH|13000000001|13000000002|REMOVE|20260202090000"},
            facts=[
                Fact(
                    "orders decided",
                    "select campaign_id, order_id, reason from ledger.device_decisions where business_date = {on}",
                    "lyh2026|O-THIRD|GRANTED\nspring|O-THIRD|EXCLUSIVE",
                ),
                Fact(
                    "requests decided",
                    "select campaign_id, request_id, reason from ledger.family_decisions where business_date = {on}",
                    "lyh2026|Q-6|REMOVED\nspring|Q-6|NOT_LINKED",
                ),
            ],
        ),
    ],
)


@pytest.fixture(scope="module")
def asked(new_play: Callable[[Story], Play]) -> Play:
    return new_play(ASKED)


@pytest.mark.parametrize("day", ASKED.days, ids=str)
def test_orders_and_requests(asked: Play, day: Day) -> None:
    asked.check(day)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
