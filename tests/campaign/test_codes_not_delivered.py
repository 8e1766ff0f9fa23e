"""Rule 7: a code whose message fails until it has expired is listed; a missing member keeps his place in the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Answer, Day, Fact, File, Play, Story, but, people, subscribers, terms

JAN25 = people("""
S-EXP  01
S-WAIT 02
S-NEXT 03
""")
JAN27 = but(JAN25, "S-WAIT gone")

STORY = Story(
    "codes that reach nobody",
    terms("2026-01-26", "2026-02-28", {
        "membership": {}, "data_gift": None, "recharge": None,
        "cards": {
            "platforms": [{"code": "TENCENT", "name": "腾讯视频", "monthly_need": 10}],
            "limit_per_month": 1, "low_stock_bp": 0, "code_sms_attempts": 3, "late_days": 3,
        },
        "messages": {"templates": [
            {"code": "CARD", "class": "service", "channel": "sms", "event": "card_code",
             "text": "【中国联通】{platform}月卡兑换码：{code}，请于{expires_on}前兑换。"},
        ]},
    }),
    aside=frozenset({"eligibility"}),
    days=[
        Day(
            "20260125",
            proves="rules 7: whoever qualifies becomes a member as the campaign begins",
            arrives=[subscribers(JAN25), File("card_stock", ["CODESOON|TENCENT|20260120|20260128|15.00"])],
            out={"membership": """
                exp|S-EXP|13000000001|ADD|20260126
                wait|S-WAIT|13000000002|ADD|20260126
                next|S-NEXT|13000000003|ADD|20260126
            """},
        ),
        Day(
            "20260126",
            proves="rules 7: the only code goes to the first claim, the others wait for stock",
            arrives=[
                subscribers(JAN25),
                File("card_claim", [
                    "K-1|S-EXP|20260126090000|TENCENT",
                    "K-2|S-WAIT|20260126100000|TENCENT",
                    "K-3|S-NEXT|20260126110000|TENCENT",
                ]),
            ],
            out={"sms": "code|13000000001|CARD|20260127080000|20260127200000|1|*"},
            answers={"sms": Answer({"13000000001": "90"})},
        ),
        Day(
            "20260127",
            proves="rules 7: a failed SMS sends the same code again, and a missing member's claim goes on waiting",
            arrives=[subscribers(JAN27)],
            # the last day on which it can be redeemed is the 28th. S-WAIT is missing, and stays a member
            out={"sms": "code|13000000001|CARD|20260128080000|20260128200000|1|*"},
            answers={"sms": Answer({"13000000001": "90"})},
            facts=[Fact("no claim ends", "select claim_id from ledger.card_decisions where business_date = {on}", "")],
        ),
        Day(
            "20260128",
            proves="rules 7: a code that expires undelivered is listed, and new stock goes to the first who waits",
            arrives=[subscribers(JAN25), File("card_stock", ["CODELATE|TENCENT|20260128|20261231|15.00"])],
            out={"sms": "first|13000000002|CARD|20260129080000|20260129200000|1|*"},
            facts=[
                Fact(
                    "first come, first served, whoever was missing in between",
                    "select claim_id, reason from ledger.card_decisions where business_date = {on}",
                    "K-2|GRANTED",
                ),
                Fact(
                    "for a person",
                    "select subscriber_id, item_key, detail from marts.exceptions"
                    " where exception_type = 'CARD_CODE_NOT_DELIVERED' and what_to_do <> ''",
                    "S-EXP|K-1|the message with the code did not go out any more: EXPIRED",
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
