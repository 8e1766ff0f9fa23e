"""Rules 10: capped lines that devices (B3), cards and trials (B4) are paid from; a version of the terms raises a cap.

The campaign runs from 30 January to 31 March 2026. A device of 1000 yuan gets 100.00 off: B3 has 150.00, room for one.
B4 has 24.00, from 2 February on 40.00: a trial asks for 4.00, a card for what its code costs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from tests.campaign.harness import Answer, Day, Fact, File, Play, Story, costs, people, subscribers, terms

WHO = people("""
S-A 01
S-B 02
S-C 03
S-D 04
S-E 05
""")
CODE_TEXT = "【中国联通】{platform}月卡兑换码：{code}，请于{expires_on}前兑换。"
BENEFITS = {
    "data_gift": None,
    "recharge": None,
    "membership": {},
    "devices": {
        "channels": ["APP"],
        "bands": [{"from_fen": 0, "rate_bp": 9000}],
        "limit": 1, "hold_days": 60, "late_days": 2, "ship_days": 3, "unpaid_days": 3,
    },
    "cards": {
        "platforms": [
            {"code": "TENCENT", "name": "腾讯视频", "monthly_need": 10},
            {"code": "IQIYI", "name": "爱奇艺", "monthly_need": 10},
        ],
        "limit_per_month": 1, "low_stock_bp": 0, "code_sms_attempts": 1, "late_days": 3,
    },
    "trials": {
        "member_lead_days": 0, "late_days": 3,
        "offers": [{"code": "CLOUD", "name": "沃云盘体验", "link": "https://u.example/c", "opens_on": "2026-01-30",
                    "places": 3, "cost_fen": 400}],
    },
    "messages": {"templates": [
        {"code": "CARD", "class": "service", "channel": "sms", "event": "card_code", "text": CODE_TEXT},
    ]},
    "caps": {"B3": 15000, "B4": 2400},
}  # fmt: skip
RAISED = {"effective_from": date(2026, 2, 2), "caps": {"B3": 15000, "B4": 4000}}

WAITING = (
    "select substring(detail from '[KOT]-[0-9]'), amount_fen from marts.exceptions"
    " where exception_type = 'WAITING_FOR_BUDGET'"
)
WAITS = "select claim_id, amount_fen, funded_on, withdrawn_on from ledger.waiting_list"


def sent(platform: str, code: str, until: str) -> str:
    return CODE_TEXT.format(platform=platform, code=code, expires_on=until)


def ordered(event: str, order: str, who: str, at: str, paid: str) -> str:
    of = f"SKU-1000|1000.00|{paid}" if paid else "||"
    return f"E-{event}-{order}|{order}|{who}|{event}|{at}|{of}|APP||"


STORY = Story(
    "capped devices, cards and trials",
    terms("2026-01-30", "2026-03-31", BENEFITS, RAISED),
    aside=frozenset({"eligibility", "membership", "push"}),
    days=[
        Day(
            "20260129",
            proves="set-up: the device list and the card codes are known",
            arrives=[
                subscribers(WHO),
                File("device_catalogue", ["SKU-1000|华为|A2|1000.00|20260101|"]),
                File("card_stock", [
                    "TXSOON22|TENCENT|20260120|20260331|14.50",
                    "TXLATE11|TENCENT|20260120|20261231|15.00",
                    "IQ444444|IQIYI|20260120|20260131|10.00",
                ]),
            ],
        ),
        Day(
            "20260130",
            proves="rules 10.1: an order, claim or application for which there is no room waits, and keeps its code",
            arrives=[
                subscribers(WHO),
                File("device_order", [
                    ordered("PAID", "O-2", "S-B", "20260130110000", "1000.00"),
                    ordered("PAID", "O-1", "S-A", "20260130100000", "900.00"),
                    ordered("PAID", "O-3", "S-C", "20260130103000", "900.00"),
                ]),
                # B4, 2400 fen, in the order of time: K-1 1450 leaves 950, T-1 400 leaves 550, K-2 asks for 1500 and
                # waits, T-2 400 leaves 150, too few for T-3 and for K-3
                File("card_claim", [
                    "K-1|S-A|20260130090000|TENCENT",
                    "K-2|S-C|20260130120000|TENCENT",
                    "K-3|S-D|20260130150000|IQIYI",
                ]),
                File("trial_application", [
                    "T-1|S-B|20260130100000|CLOUD",
                    "T-2|S-C|20260130130000|CLOUD",
                    "T-3|S-D|20260130140000|CLOUD",
                    "T-4|S-E|20260130150000|CLOUD",
                ]),
            ],
            out={
                "device_decision": """
                    o1|O-1|S-A|GRANTED|90000|90000|GRANTED
                    o2-cap|O-2|S-B|REFUSED|100000|100000|CAP
                    o3-cap|O-3|S-C|REFUSED|100000|90000|CAP
                """,
                "trial_grant": """
                    t1|S-B|13000000002|CLOUD|20260131
                    t2|S-C|13000000003|CLOUD|20260131
                """,
                "sms": "k1|13000000001|CARD|20260131080000|20260131200000|1|" + sent("腾讯视频", "TXSOON22", "3月31日"),
            },
            answers={"trial_grant": Answer({"S-B": "10"})},
            facts=[
                Fact(
                    "who waits; a card keeps its code",
                    WAITS,
                    "K-2|1500||\nK-3|1000||\nT-3|400||\nO-2|10000||\nO-3|10000||",
                ),
                Fact(
                    "who waits keeps the place: the three are taken",
                    "select reason from ledger.trial_decisions where application_id = 'T-4'",
                    "FULL",
                ),
                costs("B3", "one device", "0|10000"),
                costs("B4", "a card, and two trials promised", "800|1450"),
                Fact("who waits is told to people", WAITING, "K-2|1500\nK-3|1000\nT-3|400\nO-2|10000\nO-3|10000"),
                Fact(
                    "nobody who waits takes part",
                    "select benefit, sum(participations) from marts.participation_by_day"
                    " where benefit in ('CARD', 'DEVICE', 'TRIAL') group by benefit",
                    "CARD|1\nDEVICE|1\nTRIAL|2",
                ),
                Fact(
                    "the orders",
                    "select order_id, decision, subsidy_fen from marts.device_orders",
                    "O-1|GRANTED|10000\nO-2|CAP|0\nO-3|CAP|0",
                ),
                Fact(
                    "why",
                    "select subject_id, outcome, reason, rule_no from ledger.reasons where rule = 'DECISION'"
                    " and subject in ('CARD', 'DEVICE', 'TRIAL')",
                    """
                    O-1|GRANTED|GRANTED|6
                    O-2|WAITING|CAP|6
                    O-3|WAITING|CAP|6
                    K-1|GRANTED|GRANTED|7
                    K-2|WAITING|CAP|7
                    K-3|WAITING|CAP|7
                    T-1|GRANTED|GRANTED|7
                    T-2|GRANTED|GRANTED|7
                    T-3|WAITING|CAP|7
                    T-4|REFUSED|FULL|7
                    """,
                ),
            ],
        ),
        # O-1 comes back and T-1 was refused by the carrier: both are money for the next run. O-3 comes back too: it was
        # before O-2 on the list, and waits no longer
        Day(
            "20260131",
            proves="rules 10.1: an order returned while it waits leaves the waiting list",
            arrives=[
                subscribers(WHO),
                File("device_order", [
                    ordered("RETURNED", "O-1", "S-A", "20260131090000", ""),
                    ordered("RETURNED", "O-3", "S-C", "20260131100000", ""),
                ]),
            ],
            out={"device_decision": "o1-back|O-1|S-A|RETURNED|100000|90000|RETURNED"},
            facts=[
                costs("B3", "given back", "0|0"),
                costs("B4", "a card, and the trial that was accepted", "0|1850"),
                Fact(
                    "nobody is given anything yet, O-3 will not be",
                    WAITS,
                    "K-2|1500||\nK-3|1000||\nT-3|400||\nO-2|10000||\nO-3|10000||2026-01-31",
                ),
                Fact("who waits still; K-3's code ends today", WAITING, "K-2|1500\nT-3|400\nO-2|10000"),
                Fact(
                    "why not O-3",
                    "select rule, outcome, reason from ledger.reasons where subject_id = 'O-3'"
                    " and rule in ('CAP', 'DECISION')",
                    "CAP|failed|\nDECISION|WITHDRAWN|CAP",
                ),
            ],
        ),
        # the cap of 2 February: 4000 - 1850 = 2150, for K-2 1500 and T-3 400; K-3's code has expired while it waited
        Day(
            "20260201",
            proves="rules 1.8, 10.1: a raised cap goes to the waiting list in order, but not to an expired code",
            arrives=[subscribers(WHO)],
            out={
                "device_decision": "o2|O-2|S-B|GRANTED|90000|100000|GRANTED",
                "credit": "o2-good|S-B|13000000002|10000|MAKE_GOOD|||O-2",
                "trial_grant": "t3|S-D|13000000004|CLOUD|20260202",
                "sms": "k2|13000000003|CARD|20260202080000|20260202200000|1|"
                + sent("腾讯视频", "TXLATE11", "12月31日"),
            },
            facts=[
                Fact(
                    "given in order",
                    WAITS,
                    "K-2|1500|2026-02-01|\nK-3|1000||\nT-3|400|2026-02-01|\n"
                    "O-2|10000|2026-02-01|\nO-3|10000||2026-01-31",
                ),
                costs("B3", "the shop took nothing off: all is made good", "10000|0"),
                costs("B4", "two cards and a trial, and one promised", "400|3350"),
                Fact("nobody waits any more", WAITING, ""),
                Fact(
                    "booked in the month of the giving, with the day of the event",
                    "select benefit, event_on, amount_fen from ledger.ledger_entries where booked_on = {on}"
                    " and benefit in ('CARD', 'TRIAL')",
                    "CARD|2026-01-30|1500\nTRIAL|2026-01-30|400",
                ),
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
