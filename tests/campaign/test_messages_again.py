"""Rule 8: a message is judged when it is built and again when it is handed over, for every reason, in their order.

The announcement of 25 January is answered late: BAD, all of it again. Meanwhile one opted out, one took consent back,
one has another number, one was sent the other announcement (at most 1 in 3 days here), and the campaign is over.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import SILENT, Answer, Day, Fact, File, Play, Story, but, costs, people, subscribers, terms

SOON = "【中国联通】老友惠1月28日开始。拒收请回复R"
TODAY = "【中国联通】老友惠今日开启。拒收请回复R"

JAN24 = people("""
S-ALL   01
S-OUT   02
S-ASKED 03
S-MOVED 04
S-TWICE 05
S-PLAIN 06
""")
JAN28 = but(
    JAN24,
    """
S-ALL   sms_consent=N msisdn=13900000001
S-ASKED sms_consent=N msisdn=13900000003
S-MOVED msisdn=13900000004
""",
)

STORY = Story(
    "messages again",
    terms("2026-01-28", "2026-01-28", {
        "data_gift": None,
        "messages": {
            "marketing_limit": {"messages": 1, "days": 3},
            "templates": [
                {"code": "SOON", "class": "marketing", "event": "announcement", "days_before_start": 3,
                 "text": "【中国联通】老友惠{starts_on}开始。拒收请回复R"},
                {"code": "TODAY", "class": "marketing", "event": "announcement", "days_before_start": 0,
                 "text": "【中国联通】老友惠今日开启。拒收请回复R"},
            ],
        },
    }),
    [
        Day(
            "20260124",
            proves="set-up: the first announcement goes to all six, and is not answered",
            arrives=[subscribers(JAN24)],
            out={
                "sms": "\n".join(
                    f"{name}|130000000{no}|SOON|20260125080000|20260125200000|1|{SOON}"
                    for no, name in [("01", "all"), ("02", "out"), ("03", "asked"), ("04", "moved"), ("05", "twice"),
                                     ("06", "plain")]
                ),
            },
            answers={"sms": SILENT},
        ),
        Day(
            "20260127",  # the days between are not run: what is due now is the second announcement alone
            proves="rules 1.7, 8: on the third day the first message no longer counts, and opt-outs get none",
            arrives=[
                subscribers(JAN24),
                # who has opted out is not sent the second one, and may be back for the first
                File("optout", [
                    f"O-{name}||S-{name}|20260127100000|OUT|SMS" for name in ["ALL", "OUT", "ASKED", "MOVED", "PLAIN"]
                ]),
            ],
            # 28 January is the third day after 25 January: that one counts no more (1.7: half open)
            out={"sms": f"twice.2|13000000005|TODAY|20260128080000|20260128200000|1|{TODAY}"},
        ),
        Day(
            "20260128",
            proves="rules 8: a message to be sent again is judged again, for the first reason in order",
            arrives=[
                subscribers(JAN28),
                File("optout", [
                    *(f"I-{name}||S-{name}|20260128100000|IN|SMS" for name in ["ASKED", "MOVED", "PLAIN"]),
                    "Z-OUT||S-OUT|20260127100000|IN|SMS",  # in the second of his OUT, which wins
                ]),
            ],
            late={("sms", "20260124"): Answer(bad="90")},
            out={},
            facts=[
                Fact(
                    "why each is not sent again: the first reason in the rules' order; all would be EXPIRED",
                    "select subscriber_id, reason from ledger.ledger_settlements"
                    " where benefit = 'SMS' and entry_type = 'refused'",
                    """
                    S-ALL|OPTED_OUT
                    S-OUT|OPTED_OUT
                    S-ASKED|NO_CONSENT
                    S-MOVED|NUMBER_CHANGED
                    S-TWICE|FREQUENCY
                    S-PLAIN|EXPIRED
                    """,
                ),
                costs("B5.1", "what is not sent again is given back; one message was accepted", "0|4"),
            ],
        ),
    ],
    aside=frozenset({"eligibility"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
