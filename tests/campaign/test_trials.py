"""Rule 7: trials. Members are invited and apply first, others three days later, while places last, in order of time."""

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
    costs,
    people,
    subscribers,
    terms,
)

EVERYBODY = people("""
S-A      01
S-B      02
S-C      03
S-D      04
S-OUT    05 sms_consent=N
S-YOUNG  06 activation_date=20240101   # others: nothing but years keeps them out
S-PORTIN 07 port_in_date=20250101 activation_date=20250101 sms_consent=N
S-IOT    08 segment=IOT activation_date=20240101
S-PAUSE  09
S-E      10
""")
JAN30 = but(EVERYBODY, "S-PAUSE status=S\nS-E owner_since=20260130 customer_id=C88")

DECIDED = (
    "select application_id, reason, not_eligible_reason, cost_fen from ledger.trial_decisions where business_date = "
    "{on}"
)


def silent(*names: str) -> str:
    """Changes: these have given no consent to marketing."""
    return "\n".join(f"{name} sms_consent=N" for name in names)


def applications(*rows: str, date: str = "") -> File:
    return File("trial_application", rows, date=date)


STORY = Story(
    "trials",
    terms("2026-01-26", "2026-02-28", {
        "membership": {},
        "data_gift": None,
        "recharge": None,
        "trials": {
            "member_lead_days": 3, "late_days": 3,
            "offers": [
                {"code": "CLOUD", "name": "沃云盘体验", "link": "https://u.example/c", "opens_on": "2026-01-29",
                 "places": 3, "cost_fen": 300},
                {"code": "VRING", "name": "视频彩铃体验", "link": "https://u.example/v", "opens_on": "2026-01-20",
                 "places": 1, "cost_fen": 200},
            ],
        },
        "messages": {"templates": [
            {"code": "INVITE", "class": "marketing", "channel": "sms", "event": "trial_invitation",
             "text": "【中国联通】{opens_on}起可申请{trial}，{link} 拒收请回复R"},
            {"code": "INVITE_APP", "class": "marketing", "channel": "push", "event": "trial_invitation",
             "title": "{trial}", "text": "【中国联通】{opens_on}起可申请，{link} 如需关闭请至App消息设置"},
        ]},
    }),
    [
        # VRING opened before the campaign does: members are invited as it begins; 2 marketing messages in 7 days
        Day(
            "20260125",
            proves="rules 7: members are invited as the campaign begins, to a trial that opened before",
            arrives=[subscribers(but(EVERYBODY, silent(*EVERYBODY.keys() - {"S-A"})))],
            out={
                "sms": (
                    "a.vring|13000000001|INVITE|20260126080000|20260126200000|1|"
                    "【中国联通】1月26日起可申请视频彩铃体验，https://u.example/v 拒收请回复R"
                ),
                "push": (
                    "a.vring.app|S-A|INVITE_APP|20260126080000|20260126200000|视频彩铃体验|"
                    "【中国联通】1月26日起可申请，https://u.example/v 如需关闭请至App消息设置"
                ),
            },
        ),
        # the day before CLOUD opens: members are invited (S-A has had two in seven days; S-OUT gave no consent), others
        # are not
        Day(
            "20260128",
            proves="rules 7: members are invited first, and the only place goes to the earlier application",
            arrives=[
                subscribers(but(EVERYBODY, silent("S-B", "S-C", "S-PAUSE", "S-E"))),
                applications(
                    "T-01|S-A|20260128235959|CLOUD",  # not open yet
                    "T-02|S-A|20260128090000|VRING",
                    "T-03|S-B|20260128080000|VRING",  # earlier: has the only place
                    "T-04|S-B|20260128080000|NOSUCH",
                    "T-05|S-B|20260125235959|VRING",  # before the campaign
                ),
            ],
            out={
                "trial_grant": "b.vring|S-B|13000000002|VRING|20260129",
                "sms": (
                    "d.cloud|13000000004|INVITE|20260129080000|20260129200000|1|"
                    "【中国联通】1月29日起可申请沃云盘体验，https://u.example/c 拒收请回复R"
                ),
                "push": (
                    "d.cloud.app|S-D|INVITE_APP|20260129080000|20260129200000|沃云盘体验|"
                    "【中国联通】1月29日起可申请，https://u.example/c 如需关闭请至App消息设置"
                ),
            },
            answers={"trial_grant": Answer({"S-B": "10"})},
            facts=[
                Fact(
                    "each application decided once",
                    DECIDED,
                    "T-01|NOT_OPEN||\nT-02|FULL||\nT-03|GRANTED||200\nT-04|UNKNOWN_TRIAL||\nT-05|WINDOW||",
                ),
                costs("B4", "committed as it is granted", "200|0"),
            ],
        ),
        Day(
            "20260129",
            proves="rules 7: members apply first, others three days later, while places last",
            arrives=[
                subscribers(EVERYBODY),
                applications(
                    "T-11|S-C|20260129100000|CLOUD",
                    "T-10|S-D|20260129100000|CLOUD",  # the same time: by id
                    "T-12|S-D|20260129110000|CLOUD",  # T-10 counts for nothing: the place is his
                    "T-13|S-YOUNG|20260129120000|CLOUD",  # not a member: three days later
                    "T-14|S-YOUNG|20260129120000|VRING",  # three days after 26 January: on 29 January
                    "T-15|S-A|20260129130000|VRING",  # the place that was refused to S-B went to S-YOUNG
                    "T-11|S-C|20260129100000|CLOUD",  # twice with the same content: one
                    "T-10|S-D|20260129100000|VRING",  # twice with other content in one run: neither counts
                ),
            ],
            out={
                "trial_grant": """
                    c.cloud|S-C|13000000003|CLOUD|20260130
                    d.place|S-D|13000000004|CLOUD|20260130
                    young.vring|S-YOUNG|13000000006|VRING|20260130
                """,
            },
            answers={"trial_grant": Answer({"S-C": "90"})},
            facts=[
                Fact(
                    "members first, each once; a refused grant frees its place",
                    DECIDED,
                    """
                    T-10|CONFLICT||
                    T-10|CONFLICT||
                    T-11|GRANTED||300
                    T-12|GRANTED||300
                    T-13|TOO_EARLY||
                    T-14|GRANTED||200
                    T-15|FULL||
                    """,
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 2, 7: before the three days are over others are TOO_EARLY, a suspended member refused",
            arrives=[
                subscribers(JAN30),
                applications("T-20|S-YOUNG|20260131235959|CLOUD", "T-21|S-PAUSE|20260131100000|CLOUD"),
            ],
            # try again: under its key
            out={"trial_grant": "c.cloud|S-C|13000000003|CLOUD|20260130"},
            facts=[
                Fact("still members only", DECIDED, "T-20|TOO_EARLY||\nT-21|NOT_ELIGIBLE|NOT_ACTIVE|"),
                costs("B4", "actual as accepted; what was refused is given back", "300|500"),
            ],
        ),
        Day(
            "20260201",
            proves="rules 7: after three days others are granted, while places last",
            arrives=[
                subscribers(JAN30),
                applications(
                    "T-30|S-IOT|20260201000000|CLOUD",
                    "T-31|S-PORTIN|20260201000001|CLOUD",  # others now; the last place
                    "T-32|S-E|20260201000002|CLOUD",  # another owner: still a member, but no place is left
                ),
            ],
            out={"trial_grant": "portin.cloud|S-PORTIN|13000000007|CLOUD|20260202"},
            facts=[
                Fact(
                    "others, while places last",
                    DECIDED,
                    "T-30|NOT_ELIGIBLE|SEGMENT|\nT-31|GRANTED||300\nT-32|FULL||",
                ),
                Fact(
                    "asked for: each counts as taking part, but for what the carrier refused (S-B on the 28th)",
                    "select day, sum(participants) from marts.participation_by_day where benefit = 'TRIAL'"
                    " group by day",
                    "2026-01-29|3\n2026-02-01|1",
                ),
                Fact(
                    "what people have to look at",
                    "select exception_type, subscriber_id, item_key from marts.exceptions"
                    " where exception_type like 'TRIAL%'",
                    "TRIAL_APPLICATION_CONFLICT|S-D|T-10\nTRIAL_APPLICATION_CONFLICT|S-D|T-10",
                ),
            ],
        ),
        Day(
            "20260304",
            proves="rules 4.9, 7: an application whose file comes too late is LATE",
            arrives=[subscribers(JAN30), applications("T-40|S-A|20260228100000|CLOUD")],
            facts=[Fact("its file comes too late", DECIDED, "T-40|LATE||")],
        ),
    ],
    aside=frozenset({"eligibility", "membership"}),
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
