"""Rule 8: consent, opting out, frequency, hours, length; and a whole file refused by the carrier.

The notice of a gift is a marketing message here: at most 1 in 7 days. The notice of an instalment is a service
notice. Messages go out from 09:00 to 18:30. Everybody's February gift is accepted a day after it is sent, S-RETRY's a
day later.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import (
    ANYTHING,
    Answer,
    Day,
    Fact,
    File,
    Play,
    Story,
    but,
    costs,
    people,
    recharges,
    subscribers,
    terms,
)

# 20 characters and 38 x 3: 134, of which the present counts two UTF-16 units: 135, one more than two parts of 67
GIFT = "【中国联通】送您{}GB流量🎁" + "老友惠" * 38 + "拒收请回复R"
# 60 characters, 第1/1期元 and the amount: with 9.99 it makes 70, with 10.00 it makes 71
INSTALMENT = "【中国联通】" + "感谢您的长期陪伴" * 6 + "老友惠到账。第{}/{}期{}元"
SERVICE_70 = INSTALMENT.format("1", "1", "9.99")
SERVICE_71 = INSTALMENT.format("1", "1", "10.00")

JAN25 = people("""
S-PLAIN     01
S-OUT-ID    02
S-OUT-NUM   03
S-OUT-IN    04
S-PREV      05
S-HEIR      06 msisdn=13900000000
S-OUT-TODAY 07
S-NOCONSENT 08 sms_consent=N
S-RETRY     10
S-MOVED     11
S-EARLY     12
""")
# the number that S-HEIR has on 25 January was S-PREV's the day before
JAN24 = but(JAN25, "S-PREV msisdn=13900000000\nS-HEIR msisdn=13000000006")
JAN26 = but(JAN25, "S-MOVED msisdn=13900000011")  # between its gift and the notice

STORY = Story(
    "messages",
    terms("2026-01-26", "2026-04-30", {
        "recharge": {
            "instalment_day": 2,
            "tiers": [
                {"face_fen": 20000, "discount_fen": 0, "bonus_fen": 999, "instalments": 1},
                {"face_fen": 30000, "discount_fen": 0, "bonus_fen": 1000, "instalments": 1},
            ],
        },
        "messages": {
            "hours": {"from": "09:00", "to": "18:30"},
            "marketing_limit": {"messages": 1, "days": 7},
            "templates": [
                {"code": "GIFT", "class": "marketing", "event": "data_gift", "text": GIFT.format("{gigabytes}")},
                {"code": "INSTALMENT", "class": "service", "event": "instalment",
                 "text": INSTALMENT.format("{instalment_no}", "{instalments}", "{yuan}")},
            ],
        },
    }),
    [
        Day(
            "20260125",
            proves="rules 8: an opt-out of a number that nobody holds is listed",
            arrives=[
                subscribers(JAN24, date="20260124"),
                subscribers(JAN25),
                File("optout", [  # event_id, msisdn, subscriber_id, at, action, via
                    "O-1|13000000002|S-OUT-ID|20260120100000|OUT|SMS",
                    "O-2|13000000003||20260125100000|OUT|SMS",
                    "O-3|13000000004|S-OUT-IN|20260120100000|OUT|SMS",
                    "O-4|13000000004|S-OUT-IN|20260121100000|IN|APP",
                    "O-5|13900000000||20260124100000|OUT|SMS",   # S-PREV holds the number on this day
                    "O-7|13000000012||20250101100000|OUT|SMS",   # before any snapshot: S-EARLY's, by the first one
                    "O-8|13999999999||20250101100000|OUT|SMS",   # nobody's
                ]),
            ],
            out={"data_grant": ANYTHING},
            facts=[
                Fact(
                    "what people have to ask the carrier",
                    "select item_key from marts.exceptions where exception_type = 'OPT_OUT_OF_NOBODY'",
                    "O-8",
                ),
            ],
        ),
        Day(
            "20260126",
            proves="rules 1.3, 8: opt-outs, no consent and a changed number suppress, and nobody inherits them",
            arrives=[
                subscribers(JAN26),
                File("optout", ["O-6||S-OUT-TODAY|20260126220000|OUT|HOTLINE"]),
                recharges("""
                R-PLAIN     S-PLAIN     20260126100000 20000 20000 APP
                R-OUT-ID    S-OUT-ID    20260126100000 30000 30000 APP
                R-NOCONSENT S-NOCONSENT 20260126100000 20000 20000 APP
                """),
            ],
            out={
                # 1.3: S-HEIR does not inherit the opting out of the number; S-PREV keeps it under another number.
                # NUMBER_CHANGED: the gift went to a number that S-MOVED no longer has
                "sms": f"""
                    plain.jan|13000000001|GIFT|20260127090000|20260127183000|3|{GIFT.format(5)}
                    outin.jan|13000000004|GIFT|20260127090000|20260127183000|3|{GIFT.format(5)}
                    heir.jan|13900000000|GIFT|20260127090000|20260127183000|3|{GIFT.format(5)}
                    retry.jan|13000000010|GIFT|20260127090000|20260127183000|3|{GIFT.format(5)}
                """,
            },
        ),
        Day(
            "20260131",
            proves="rules 8: each segment is paid, and what is suppressed costs nothing",
            arrives=[subscribers(JAN26)],
            out={"data_grant": ANYTHING},
            answers={"data_grant": Answer({"S-RETRY": "90"})},
            facts=[
                costs("B5.1", "4 messages of 3 segments at 4 fen, accepted; what was suppressed costs nothing", "0|48")
            ],
        ),
        Day(
            "20260201",
            proves="rules 8: a second marketing message in 7 days is suppressed as FREQUENCY, where one is allowed",
            arrives=[subscribers(JAN26)],
            out={
                "data_grant": "*|S-RETRY|13000000010|LYHMLD5G|5120|20260201|20260228",
                # FREQUENCY: 2 February is the sixth day after 27 January: no second marketing message to anybody;
                # S-MOVED has had none
                "sms": f"moved.feb|13900000011|GIFT|20260202090000|20260202183000|3|{GIFT.format(5)}",
                "credit": """
                    nocons.1|S-NOCONSENT|13000000008|999|INSTALMENT|1|1|R-NOCONSENT
                    outid.1|S-OUT-ID|13000000002|1000|INSTALMENT|1|1|R-OUT-ID
                    plain.1|S-PLAIN|13000000001|999|INSTALMENT|1|1|R-PLAIN
                """,
            },
            answers={"credit": Answer(bad="30")},
        ),
        Day(
            "20260202",
            proves="rules 1.7, 8: on the eighth day the first message no longer counts",
            arrives=[subscribers(JAN26)],
            out={
                # BAD: the file comes again with the same rows under the same keys
                "credit": """
                    nocons.1|S-NOCONSENT|13000000008|999|INSTALMENT|1|1|R-NOCONSENT
                    outid.1|S-OUT-ID|13000000002|1000|INSTALMENT|1|1|R-OUT-ID
                    plain.1|S-PLAIN|13000000001|999|INSTALMENT|1|1|R-PLAIN
                """,
                # a week after 27 January the seven days are over (1.7: half open)
                "sms": f"retry.feb|13000000010|GIFT|20260203090000|20260203183000|3|{GIFT.format(5)}",
            },
        ),
        Day(
            "20260203",
            proves="rules 8: service notices need no consent, and 70 units are one segment, 71 two",
            arrives=[subscribers(JAN26)],
            out={
                # service notices go to those who opted out or gave no consent, too; 70 units are one segment, 71 are
                # two
                "sms": f"""
                    nocons.sms|13000000008|INSTALMENT|20260204090000|20260204183000|1|{SERVICE_70}
                    outid.sms|13000000002|INSTALMENT|20260204090000|20260204183000|2|{SERVICE_71}
                    plain.sms|13000000001|INSTALMENT|20260204090000|20260204183000|1|{SERVICE_70}
                """,
            },
        ),
    ],
    aside=frozenset({"eligibility"}),  # whether a changed number is told to the channels is not in the rules
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


def test_the_story_counts_right() -> None:
    assert len(GIFT.format(5).encode("utf-16-le")) // 2 == 135
    assert (len(SERVICE_70), len(SERVICE_71)) == (70, 71)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
