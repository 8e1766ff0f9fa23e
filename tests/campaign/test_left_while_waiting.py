"""Rules 7 and 10: whoever leaves the carrier while a trial waits for the budget is given none; the next in order is.

From 30 January 2026 B4 has 4.00 yuan, room for one trial; from 2 February 8.00.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from tests.campaign.harness import Day, Fact, File, Play, Story, but, costs, people, subscribers, terms

WHO = people("""
S-A 01
S-B 02
S-C 03
""")
LEFT = but(WHO, "S-B status=P status_date=20260131")
BENEFITS = {
    "data_gift": None,
    "recharge": None,
    "membership": {},
    "trials": {
        "member_lead_days": 0, "late_days": 3,
        "offers": [{"code": "CLOUD", "name": "沃云盘体验", "link": "https://u.example/c", "opens_on": "2026-01-30",
                    "places": 9, "cost_fen": 400}],
    },
    "messages": {"templates": []},
    "caps": {"B4": 400},
}  # fmt: skip
WAITS = "select claim_id, funded_on, withdrawn_on from ledger.waiting_list"

STORY = Story(
    "left while waiting",
    terms("2026-01-30", "2026-03-31", BENEFITS, {"effective_from": date(2026, 2, 2), "caps": {"B4": 800}}),
    aside=frozenset({"eligibility", "membership"}),
    days=[
        Day("20260129", proves="set-up: three subscribers become members", arrives=[subscribers(WHO)]),
        Day(
            "20260130",
            proves="rules 10.1: the budget has room for one trial, two wait",
            arrives=[
                subscribers(WHO),
                File("trial_application", [
                    "T-1|S-A|20260130100000|CLOUD",
                    "T-2|S-B|20260130110000|CLOUD",
                    "T-3|S-C|20260130120000|CLOUD",
                ]),
            ],
            out={"trial_grant": "t1|S-A|13000000001|CLOUD|20260131"},
            facts=[Fact("who waits", WAITS, "T-2||\nT-3||")],
        ),
        Day(
            "20260131",
            proves="rules 7, 10.1: whoever ports out leaves the waiting list",
            arrives=[subscribers(LEFT)],
            facts=[
                Fact("S-B is ported out", WAITS, "T-2||2026-01-31\nT-3||"),
                Fact(
                    "why",
                    "select subject_id, outcome, reason from ledger.reasons"
                    " where subject = 'TRIAL' and rule = 'DECISION' and subject_id <> 'T-1'",
                    "T-2|WITHDRAWN|CAP\nT-3|WAITING|CAP",
                ),
            ],
        ),
        Day(
            "20260201",
            proves="rules 1.8, 10.1: a raised cap goes to the next in order",
            arrives=[subscribers(LEFT)],
            out={"trial_grant": "t3|S-C|13000000003|CLOUD|20260202"},
            facts=[
                Fact("the next in order", WAITS, "T-2||2026-01-31\nT-3|2026-02-01|"),
                costs("B4", "two trials, one of them not answered yet", "400|400"),
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
