"""Rule 12: no row leaves without what its interface needs. It waits until that is known, or ends by its own rule.

S-GONE is in no delivery when his gift is to go again; S-NONE has no number for two days, S-NEVER for the whole month;
S-CRED has none on the day on which his instalment falls due.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import (
    Answer,
    Day,
    Fact,
    File,
    Play,
    Story,
    again,
    but,
    people,
    recharges,
    subscribers,
    terms,
)

JAN31 = people("""
S-OK    01
S-GONE  02
S-NONE  03 msisdn=
S-NEVER 04 msisdn=
S-CRED  05
""")
FEB01 = but(JAN31, "S-GONE gone")
FEB02 = but(JAN31, "S-NONE msisdn=13000000093\nS-GONE msisdn=13000000092")
MAR04 = but(FEB02, "S-CRED msisdn=")
MAR05 = but(FEB02, "S-CRED msisdn=13000000095")

WAITING = (
    "select subscriber_id, split_part(detail, ' ', 1), split_part(detail, ' ', 2) from marts.exceptions"
    " where exception_type = 'INCOMPLETE_ROW' and what_to_do <> ''"
)

STORY = Story(
    "rows that lack a phone number",
    terms("2026-02-01", "2026-02-28", {
        "membership": {}, "messages": {"templates": []},
        "family_numbers": {"limit": 3, "exclusive": False},
        "trials": {
            "member_lead_days": 0, "late_days": 3,
            "offers": [{"code": "CLOUD", "name": "沃云盘体验", "link": "https://u.example/c", "opens_on": "2026-02-01",
                        "places": 9, "cost_fen": 400}],
        },
    }),
    days=[
        Day(
            "20260131",
            proves="rules 12: a row without a phone number waits, and is listed",
            arrives=[subscribers(JAN31)],
            out={
                "eligibility": """
                    S-OK|13000000001|ADD|20260201|ELIGIBLE
                    S-GONE|13000000002|ADD|20260201|ELIGIBLE
                    S-CRED|13000000005|ADD|20260201|ELIGIBLE
                """,
                "data_grant": """
                    ok|S-OK|13000000001|*|5120|20260201|20260228
                    gone|S-GONE|13000000002|*|5120|20260201|20260228
                    cred|S-CRED|13000000005|*|5120|20260201|20260228
                """,
                "membership": """
                    ok.member|S-OK|13000000001|ADD|20260201
                    gone.member|S-GONE|13000000002|ADD|20260201
                    cred.member|S-CRED|13000000005|ADD|20260201
                """,
            },
            answers={"data_grant": Answer(bad="90")},
            facts=[Fact("waiting, in the run that would have sent them", WAITING, """
                S-NONE|eligibility|waits:
                S-NONE|data_grant|waits:
                S-NONE|membership|waits:
                S-NEVER|eligibility|waits:
                S-NEVER|data_grant|waits:
                S-NEVER|membership|waits:
            """)],
        ),
        Day(
            "20260201",
            proves="rules 12: whoever is missing leaves the channels' list by his last number, his gift waits",
            arrives=[
                subscribers(FEB01),
                recharges("R-1 S-CRED 20260201100000 20000 18800 APP"),
                File("trial_application", ["T-1|S-NONE|20260201100000|CLOUD"]),
                File("family_request", ["Q-1|S-NONE|20260201100000|ADD|13000000001|APP|"]),
            ],
            out={
                # whoever is missing is taken off the channels' list by the last number that he had
                "eligibility": "S-GONE|13000000002|REMOVE|20260202|UNKNOWN",
                "data_grant": """
                    ok|S-OK|13000000001|*|5120|20260201|20260228
                    cred|S-CRED|13000000005|*|5120|20260201|20260228
                """,
            },
            facts=[Fact("waiting", WAITING, """
                S-GONE|data_grant|waits:
                S-NONE|eligibility|waits:
                S-NONE|data_grant|waits:
                S-NONE|membership|waits:
                S-NONE|trial_grant|waits:
                S-NONE|family_link|waits:
                S-NEVER|eligibility|waits:
                S-NEVER|data_grant|waits:
                S-NEVER|membership|waits:
            """)],
        ),
        Day(
            "20260202",
            proves="rules 12: what waited leaves as soon as the number is known",
            arrives=[subscribers(FEB02)],
            out={
                "eligibility": """
                    S-GONE|13000000092|ADD|20260203|ELIGIBLE
                    S-NONE|13000000093|ADD|20260203|ELIGIBLE
                """,
                "data_grant": """
                    gone|S-GONE|13000000092|*|5120|20260201|20260228
                    none|S-NONE|13000000093|*|5120|20260201|20260228
                """,
                "membership": "none.member|S-NONE|13000000093|ADD|20260201",
                "trial_grant": "none.trial|S-NONE|13000000093|CLOUD|20260202",
                "family_link": "none.link|S-NONE|13000000093|13000000001|ADD|20260201100000",
            },
            facts=[Fact("one waits still", WAITING, """
                S-NEVER|eligibility|waits:
                S-NEVER|data_grant|waits:
                S-NEVER|membership|waits:
            """)],
        ),
        Day(
            "20260228",
            proves="rules 12: a gift that waits to the end of its month ends, and is listed",
            arrives=[subscribers(FEB02)],
            out={
                "eligibility": """
                    S-OK|13000000001|REMOVE|20260301|WINDOW
                    S-GONE|13000000092|REMOVE|20260301|WINDOW
                    S-NONE|13000000093|REMOVE|20260301|WINDOW
                    S-CRED|13000000005|REMOVE|20260301|WINDOW
                """,
            },
            facts=[
                Fact("the month is over: the gift ends, and is listed", WAITING, """
                    S-NEVER|data_grant|never
                    S-NEVER|membership|waits:
                """),
                Fact(
                    "nothing is committed for it any more",
                    "select entry_type, reason, committed_fen < 0 from ledger.ledger_entries"
                    " where subscriber_id = 'S-NEVER' and benefit = 'DATA_GIFT' and entry_type <> 'promised'"
                    " union all select 'sum', '', sum(committed_fen) = 0 from ledger.ledger_entries"
                    " where subscriber_id = 'S-NEVER'",
                    "refused|EXPIRED|True\nsum||True",
                ),
            ],
        ),
        # his instalment is due on the 5th
        Day(
            "20260304",
            proves="rules 12: an instalment without a phone number waits, too",
            arrives=[subscribers(MAR04)],
            facts=[Fact("money waits, too", WAITING, """
                S-CRED|credit|waits:
                S-NEVER|data_grant|never
                S-NEVER|membership|waits:
            """)],
        ),
        Day(
            "20260305",
            proves="rules 12: the instalment leaves when its number is known",
            arrives=[subscribers(MAR05)],
            out={"credit": "due|S-CRED|13000000095|400|INSTALMENT|1|6|R-1"},
            facts=[Fact("and leaves once", WAITING, "S-NEVER|data_grant|never\nS-NEVER|membership|waits:")],
        ),
        Day("20260306", proves="rules 12: what has waited and left does not leave again", arrives=[subscribers(MAR05)]),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_a_rebuild_writes_the_same(play: Play, new_warehouse: Callable[[], str], tmp_path: Path) -> None:
    play.reach(STORY.days[-1])
    rebuilt = again(STORY, new_warehouse(), play, tmp_path)
    assert rebuilt.carrier.out_bytes() == play.carrier.out_bytes()
    assert rebuilt.ledger() == play.ledger()
