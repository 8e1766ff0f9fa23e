"""Rule 7: eligible subscribers are members from the day they first qualify until they leave the carrier.

The service desk's file says adds and removes; what was refused is settled by its code. Silence of the feed is not
leaving: who is missing in a delivery is a member as before, on the list and off the files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import Answer, Day, Fact, Play, Story, again, but, people, subscribers, terms

JAN25 = people("""
S-STAY   01
S-CLOSE  02
S-PORT   03
S-GONE   04
S-SUSP   05
S-OWNER  06
S-YOUNG  07 activation_date=20210127   # five years on 27 January
S-IOT    08 segment=IOT
S-REF    09
S-AGAIN  10
S-BACK   11
S-PAUSED 12 status=S
""")
JAN26 = but(JAN25, "S-SUSP status=S\nS-OWNER owner_since=20260126 customer_id=C99")
JAN27 = but(JAN26, "S-CLOSE status=C\nS-PORT status=P\nS-GONE gone\nS-BACK status=C\nS-REF plan_code=P2")
# S-GONE is listed again, with an owner of some days ago
JAN28 = but(JAN27 | {"S-GONE": JAN26["S-GONE"]}, "S-GONE owner_since=20260120\nS-BACK status=A\nS-PAUSED status=A")
APR30 = JAN28 | people("S-NEW 13")
MAY02 = but(APR30, "S-SUSP status=C\nS-STAY status=S") | people("S-LATE 14")


def members(why: str, rows: str) -> Fact:
    return Fact(f"the desk's list: {why}", "select subscriber_id, msisdn, member_since from ledger.members", rows)


STORY = Story(
    "membership",
    terms("2026-01-26", "2026-04-30", {
        "membership": {}, "data_gift": None, "recharge": None, "messages": {"templates": []},
    }),
    [
        Day(
            "20260124",
            proves="rules 7: nobody is a member before the campaign",
            arrives=[subscribers(JAN25)],
            facts=[members("before the campaign", "")],
        ),
        Day(
            "20260125",
            proves="rules 7: who qualifies as the campaign begins becomes a member",
            arrives=[subscribers(JAN25)],
            out={
                # not S-YOUNG (TENURE), S-IOT (SEGMENT), S-PAUSED (NOT_ACTIVE)
                "membership": """
                    stay|S-STAY|13000000001|ADD|20260126
                    close|S-CLOSE|13000000002|ADD|20260126
                    port|S-PORT|13000000003|ADD|20260126
                    gone|S-GONE|13000000004|ADD|20260126
                    susp|S-SUSP|13000000005|ADD|20260126
                    owner|S-OWNER|13000000006|ADD|20260126
                    ref|S-REF|13000000009|ADD|20260126
                    again|S-AGAIN|13000000010|ADD|20260126
                    back|S-BACK|13000000011|ADD|20260126
                """,
            },
            answers={"membership": Answer({"S-REF": "10", "S-AGAIN": "90"})},
        ),
        Day(
            "20260126",
            proves="rules 7: who comes to qualify joins the next day, and to be suspended is no leaving",
            arrives=[subscribers(JAN26)],
            out={
                # who qualifies joins from that day; 90 goes again under its key; to be suspended or to change the
                # owner ends nothing
                "membership": """
                    young|S-YOUNG|13000000007|ADD|20260127
                    again|S-AGAIN|13000000010|ADD|20260126
                """,
            },
            facts=[
                Fact(
                    "settled by the answers",
                    "select entry_type, count(*), sum(committed_fen), sum(actual_fen) from ledger.ledger_entries"
                    " where benefit = 'MEMBERSHIP' group by entry_type",
                    "granted|10|0|0\naccepted|7|0|0\nrefused|1|0|0",
                ),
            ],
        ),
        Day(
            "20260127",
            proves="rules 7: a member leaves when closed or ported out, not when missing in a delivery",
            arrives=[subscribers(JAN27)],
            out={
                # closed, ported out; the carrier's own feed has changed what was refused. S-GONE, missing, stays
                "membership": """
                    close.end|S-CLOSE|13000000002|REMOVE|20260128
                    port.end|S-PORT|13000000003|REMOVE|20260128
                    back.end|S-BACK|13000000011|REMOVE|20260128
                    ref|S-REF|13000000009|ADD|20260126
                """,
            },
            facts=[
                members(
                    "after some have left",
                    """
                    S-STAY|13000000001|2026-01-26
                    S-GONE|13000000004|2026-01-26
                    S-SUSP|13000000005|2026-01-26
                    S-OWNER|13000000006|2026-01-26
                    S-REF|13000000009|2026-01-26
                    S-AGAIN|13000000010|2026-01-26
                    S-YOUNG|13000000007|2026-01-27
                    """,
                ),
            ],
        ),
        Day(
            "20260128",
            proves="rules 7: who was missing is a member as before, who had left joins anew",
            arrives=[subscribers(JAN28)],
            out={
                # S-GONE is listed again, a member as before, though OWNER_CHANGED; S-BACK had left: qualifies anew
                "membership": """
                    back.anew|S-BACK|13000000011|ADD|20260129
                    paused|S-PAUSED|13000000012|ADD|20260129
                """,
            },
            answers={"membership": Answer(bad="90")},
        ),
        Day(
            "20260129",
            proves="interface, answers: a file refused as a whole is sent again with the same keys",
            arrives=[subscribers(JAN28)],
            out={
                # the whole file refused goes again, with the same keys
                "membership": """
                    back.anew|S-BACK|13000000011|ADD|20260129
                    paused|S-PAUSED|13000000012|ADD|20260129
                """,
            },
            facts=[
                Fact(
                    "taking part by itself, each who is a member still, by the day of joining",
                    "select day, benefit, sum(participants), sum(amount_fen) from marts.participation_by_day"
                    " group by day, benefit",
                    "2026-01-26|MEMBERSHIP|6|0\n2026-01-27|MEMBERSHIP|1|0\n2026-01-29|MEMBERSHIP|2|0",
                ),
            ],
        ),
        Day(
            "20260430",
            proves="rules 7: the campaign's end removes nobody, and nobody joins after it",
            arrives=[subscribers(APR30)],
        ),
        Day(
            "20260502",
            proves="rules 7: after the campaign a member leaves when closed",
            arrives=[subscribers(MAY02)],
            out={"membership": "susp.end|S-SUSP|13000000005|REMOVE|20260503"},
            facts=[
                members(
                    "after the campaign",
                    """
                    S-STAY|13000000001|2026-01-26
                    S-GONE|13000000004|2026-01-26
                    S-OWNER|13000000006|2026-01-26
                    S-REF|13000000009|2026-01-26
                    S-AGAIN|13000000010|2026-01-26
                    S-YOUNG|13000000007|2026-01-27
                    S-BACK|13000000011|2026-01-29
                    S-PAUSED|13000000012|2026-01-29
                    """,
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


def test_a_rebuild_writes_the_same(play: Play, new_warehouse: Callable[[], str], tmp_path: Path) -> None:
    play.reach(STORY.days[-1])
    rebuilt = again(STORY, new_warehouse(), play, tmp_path)
    assert rebuilt.carrier.out_bytes() == play.carrier.out_bytes()
    assert rebuilt.ledger() == play.ledger()
