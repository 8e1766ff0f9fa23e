"""Rules 8 and 9, W1: a campaign is announced before and at its start, to those who will qualify; and how often.

The SMS goes out two days before the start, the push message on the first day, the notice of the gift a day later: three
marketing messages, of which a subscriber gets two. The control group, every second customer here, is drawn before the
first of them: in the order of band (0-4, 15-19, 5-7) and city, those with an even place.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import ANYTHING, Answer, Day, Fact, File, Play, Story, people, subscribers, terms

SOON = "【中国联通】老友惠1月28日开始，至4月30日。拒收请回复R"
TODAY = "【中国联通】每月送流量，充值享立减，至4月30日。如需关闭请至App消息设置"
GIFT = "【中国联通】送您5GB流量。拒收请回复R"

# the comment is the place in the draw
EVERYBODY = people("""
S-YOUNG     11 activation_date=20250101     # 1, TENURE
S-HELD-1    01                              # 2
S-OLD       02                              # 3
S-HELD-2    03                              # 4
S-OUT       04                              # 5
S-HELD-3    05                              # 6
S-PAUSED    06 status=S                     # 7, NOT_ACTIVE
S-HELD-4    07                              # 8
S-NOCONSENT 08 sms_consent=N                # 9
S-HELD-5    09                              # 10
S-FIVE      10 activation_date=20210128     # 11, five years on the campaign's first day, and not before
""")

FATES = "select template_code, subscriber_id, fate, reason from ledger.messages where business_date = {on}"
MART = """
    select day, template_code, channel, built, suppressed_opted_out, suppressed_no_consent, suppressed_number_changed,
        suppressed_frequency, suppressed_expired, handed_over, accepted, refused, delivered, failed, unknown, segments,
        cost_fen
    from marts.messages_by_day
"""

STORY = Story(
    "announcements",
    terms("2026-01-28", "2026-04-30", {
        "messages": {
            "templates": [
                {"code": "SOON", "class": "marketing", "event": "announcement", "days_before_start": 2,
                 "text": "【中国联通】老友惠{starts_on}开始，至{ends_on}。拒收请回复R"},
                {"code": "TODAY", "class": "marketing", "channel": "push", "event": "announcement",
                 "days_before_start": 0, "title": "老友惠{starts_on}开启",
                 "text": "【中国联通】每月送流量，充值享立减，至{ends_on}。如需关闭请至App消息设置"},
                {"code": "GIFT", "class": "marketing", "event": "data_gift",
                 "text": "【中国联通】送您{gigabytes}GB流量。拒收请回复R"},
            ],
        },
    }) | {"control_group": {"share_bp": 5000}},
    [
        Day(
            "20260125",
            proves="rules 8, 9: the announcement suppresses opt-outs and no consent, and spares the control group",
            arrives=[subscribers(EVERYBODY), File("optout", ["O-1||S-OUT|20260120100000|OUT|SMS"])],
            out={
                "sms": f"""
                    old.soon|13000000002|SOON|20260126080000|20260126200000|1|{SOON}
                    five.soon|13000000010|SOON|20260126080000|20260126200000|1|{SOON}
                """,
            },
            answers={"sms": Answer({"13000000010": "90"})},
            facts=[
                Fact("fates", FATES, """
                    SOON|S-OLD|sent|
                    SOON|S-OUT|suppressed|OPTED_OUT
                    SOON|S-NOCONSENT|suppressed|NO_CONSENT
                    SOON|S-FIVE|sent|
                """),
            ],
        ),
        Day(
            "20260126",
            proves="interface, answers: a message refused with 90 is sent again under its key",
            arrives=[subscribers(EVERYBODY)],
            out={"sms": f"five.soon|13000000010|SOON|20260127080000|20260127200000|1|{SOON}"},
        ),
        Day(
            "20260127",
            proves="rules 8: the push message of the first day takes the same road as an SMS",
            arrives=[subscribers(EVERYBODY)],
            out={
                "data_grant": ANYTHING,
                # the start: no number and no segments; nobody is told twice of what was announced before
                "push": f"""
                    old.today|S-OLD|TODAY|20260128080000|20260128200000|老友惠1月28日开启|{TODAY}
                    five.today|S-FIVE|TODAY|20260128080000|20260128200000|老友惠1月28日开启|{TODAY}
                """,
            },
            answers={"push": Answer({"S-OLD": "10"})},
        ),
        Day(
            "20260128",
            proves="rules 8: a third marketing message in 7 days is suppressed as FREQUENCY",
            arrives=[subscribers(EVERYBODY)],
            out={
                # S-FIVE has had two in seven days; what the carrier refused reached nobody, so S-OLD has had one
                "sms": f"old.gift|13000000002|GIFT|20260129080000|20260129200000|1|{GIFT}",
            },
            facts=[
                Fact("fates", FATES, """
                    GIFT|S-OLD|sent|
                    GIFT|S-OUT|suppressed|OPTED_OUT
                    GIFT|S-NOCONSENT|suppressed|NO_CONSENT
                    GIFT|S-FIVE|suppressed|FREQUENCY
                """),
                # built | out, consent, number, frequency, expired | handed over, accepted, refused |
                # delivered, failed, unknown | segments, fen: no report is unknown, and all segments are paid
                Fact("the mart", MART, """
                    2026-01-26|SOON|sms|4|1|1|0|0|0|2|2|0|0|0|2|2|8
                    2026-01-28|TODAY|push|4|1|1|0|0|0|2|1|1|0|0|1|0|0
                    2026-01-29|GIFT|sms|4|1|1|0|1|0|1|0|0|0|0|0|0|0
                """),
                Fact(
                    "a push message is in the ledger, and costs nothing",
                    "select entry_type, count(*), sum(amount_fen) from ledger.ledger_entries where benefit = 'PUSH'"
                    " group by entry_type",
                    "promised|2|0\nsuppressed|2|0\naccepted|1|0\nrefused|1|0",
                ),
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
