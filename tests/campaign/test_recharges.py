"""Rule 4: which recharges are granted, and why not others; limits, discount checks, reversals, late and double ones.

The campaign runs from 30 January to 2 February 2026: late recharges are honoured for 3 days (until 5 February), a
reversal without its recharge is reported after 3 days, instalments fall due on the 5th. Tiers, match, channels and
limit are the defaults: exactly 100 yuan: 5 off; 200: 12 off and 24 in 6 instalments of 4.00; 300: 20 off and 50 in
12, eleven of 4.16 and one of 4.24.

Afterwards (rule 1): dates run again, and the whole story again from its `in/` and `ack/` in another place.
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
    close,
    excepted,
    people,
    recharges,
    subscribers,
    terms,
)

ARRIVED_6 = "【中国联通】老友惠第1/6期4.00元已到账。"
ARRIVED_12 = "【中国联通】老友惠第1/12期4.16元已到账。"

EVERYBODY = people("""
S-EDGE      01
S-T100      02
S-T200      03
S-T300      04
S-ODD       05
S-UNDER     06
S-FULL      07
S-OVER      08
S-NOTENT    09
S-CHANNEL   10
S-HALL1     11
S-HALL2     12
S-HALL3     13
S-HALL4     14
S-HALL5     15
S-ORDER     16
S-TIES      17
S-TIERS     18
S-MIDNIGHT  19
S-PLACE     20
S-WASTE     21
S-SUSPENDED 22 status=S
S-YOUNG     23 activation_date=20240101
S-ANNIV     24 activation_date=20210131
S-WAS       25
S-BECAME    26 status=S
S-DUP       27
S-CONF      28
S-LATERCONF 29
S-REV       30
S-NEXT      31
S-SAME      32
S-EARLYREV  33
S-ORPHAN    34
S-PART      35
S-CLAW      36
S-LATE      37
S-TOOLATE   38
""")
JAN31 = but(EVERYBODY, "S-WAS status=S status_date=20260131\nS-BECAME status=A status_date=20260131")

HALLS = File("hall", [
    "H-OK|人民路营业厅|1001|20260130|20260131",   # designated on both of these days, and no other
    "H-LATER|解放路营业厅|1001|20260131|",
])  # fmt: skip

NET_COST = Fact(
    "recharge subsidy (B2) promised or paid, net of what was taken back",
    "select subscriber_id, sum(committed_fen) + sum(actual_fen) from ledger.ledger_entries where budget_line = 'B2'"
    " and subscriber_id in ('S-T100', 'S-T200', 'S-REV', 'S-PART', 'S-UNDER', 'S-FULL', 'S-DUP', 'S-NEXT')"
    " group by subscriber_id",
    # S-T100: 500 off. S-T200: 1200 off and 2400. S-REV, S-PART, S-UNDER: all taken back. S-FULL: its make-good of 500
    # could not be recovered. S-DUP: make-good of 500, once. S-NEXT: the second recharge's make-good of 1200 and 2400;
    # the first is taken back.
    "S-T100|500\nS-T200|3600\nS-REV|0\nS-PART|0\nS-UNDER|0\nS-FULL|500\nS-DUP|500\nS-NEXT|3600",
)
LIABILITY = Fact(
    "liability of unpaid instalments: month, opening, promised, credited, forfeited, closing",
    "select left(month::text, 7), opening_fen, promised_fen, credited_fen, forfeited_fen, closing_fen"
    " from marts.liability_by_month where left(month::text, 7) in ('2026-01', '2026-02')",
    # January: R-300 5000; R-200, R-START, R-TIERS-200, R-UNDER, R-LATERCONF, R-REV, R-NEXT-1, R-NEXT-2, R-PART,
    # R-CLAW 10 x 2400; R-NEXT-1 is cancelled in January: 29000 - 2400 = 26600. February: R-LATE 2400 promised;
    # credited 400 x 6 (S-T200, S-EDGE, S-TIERS, S-NEXT, S-CLAW, S-LATE) + 416; cancelled R-REV, R-PART, R-UNDER 3 x
    # 2400, R-CLAW's other five 2000. Left: R-200, R-START, R-TIERS-200, R-NEXT-2, R-LATE 5 x 2000; R-300 4584;
    # R-LATERCONF 2400, which waits for a person: 16984.
    "2026-01|0|29000|0|0|26600\n2026-02|26600|2400|2816|0|16984",
)

STORY = Story(
    "recharges",
    terms("2026-01-30", "2026-02-02", {
        "recharge": {"late_days": 3, "orphan_reversal_days": 3, "instalment_day": 5},
        "messages": {"templates": [
            {"code": "GIFT_ARRIVED", "class": "service", "event": "data_gift", "text": "【中国联通】流量已到账。"},
            {"code": "INSTALMENT_ARRIVED", "class": "service", "event": "instalment",
             "text": "【中国联通】老友惠第{instalment_no}/{instalments}期{yuan}元已到账。"},
        ]},
    }),
    [
        Day(
            "20260129",
            proves="rules 4: a recharge before the window is WINDOW, asked before TIER and CHANNEL",
            arrives=[
                subscribers(EVERYBODY),
                HALLS,
                recharges("""
                R-BEFORE     S-EDGE 20260129235959 20000 18800 APP
                R-BEFORE-150 S-EDGE 20260129100000 15000 15000 AGENT
                """),
            ],
            # the window begins with 30 January's first second; WINDOW is asked before TIER and CHANNEL
            decided="""
            R-BEFORE|WINDOW||NOT_ENTITLED|0|1200
            R-BEFORE-150|WINDOW||*|0|0
            """,
        ),
        Day(
            "20260130",
            proves="rules 4: a recharge is granted, or refused for the first reason that holds",
            arrives=[
                subscribers(EVERYBODY),
                recharges("""
                R-START       S-EDGE      20260130000000 20000 18800 APP
                # 4.1 tiers
                R-100         S-T100      20260130100000 10000  9500 APP
                R-200         S-T200      20260130100000 20000 18800 APP
                R-300         S-T300      20260130100000 30000 28000 APP
                R-10005       S-ODD       20260130100000 10005 10005 APP
                R-150         S-ODD       20260130100100 15000 15000 APP
                R-500         S-ODD       20260130100200 50000 50000 APP
                # 4.5 discount check
                R-UNDER       S-UNDER     20260130100000 20000 19000 APP
                R-FULL        S-FULL      20260130100000 10000 10000 APP
                R-OVER        S-OVER      20260130100000 10000  9000 APP
                R-NOTENT      S-NOTENT    20260130100000 15000 14000 APP
                # 4.2 channels
                R-AGENT       S-CHANNEL   20260130100000 10000 10000 AGENT
                R-BANK        S-CHANNEL   20260130100000 10000 10000 BANK
                R-CARD        S-CHANNEL   20260130100000 10000 10000 CARD
                R-150-AGENT   S-CHANNEL   20260130100000 15000 15000 AGENT
                R-HALL-FIRST  S-HALL1     20260130000000 10000  9500 HALL:H-OK
                R-HALL-BEFORE S-HALL4     20260130235959 10000 10000 HALL:H-LATER
                R-HALL-NONE   S-HALL5     20260130100000 10000 10000 HALL:H-NOWHERE
                # 4.4 limits, by time, then id; the rows stand in another order
                R-ORDER-A     S-ORDER     20260130100001 10000 10000 APP
                R-ORDER-B     S-ORDER     20260130100000 10000  9500 APP
                R-TIES-2      S-TIES      20260130100000 10000 10000 APP
                R-TIES-1      S-TIES      20260130100000 10000  9500 APP
                R-TIERS-200   S-TIERS     20260130100100 20000 18800 APP
                R-TIERS-100   S-TIERS     20260130100000 10000  9500 APP
                R-PLACE-12    S-PLACE     20260130120000 10000  9500 APP
                R-WASTE-1     S-WASTE     20260130080000 10000 10000 AGENT
                R-WASTE-2     S-WASTE     20260130090000 10000  9500 APP
                # 4.3 eligible at the time
                R-SUSP        S-SUSPENDED 20260130100000 10000 10000 APP
                R-SUSP-AGENT  S-SUSPENDED 20260130100000 10000 10000 AGENT
                R-YOUNG       S-YOUNG     20260130100000 10000 10000 APP
                R-GHOST       S-GHOST     20260130100000 10000 10000 APP
                R-ANNIV-1     S-ANNIV     20260130235959 10000 10000 APP
                # 4.10 double
                R-DUP         S-DUP       20260130100000 10000 10000 APP
                R-DUP         S-DUP       20260130100000 10000 10000 APP
                R-CONF        S-CONF      20260130100000 10000 10000 APP
                R-CONF        S-CONF      20260130100000 10000  9500 APP
                R-LATERCONF   S-LATERCONF 20260130100000 20000 18800 APP
                # 4.8 reversals
                R-REV         S-REV       20260130100000 20000 18800 APP
                R-PART        S-PART      20260130100000 20000 18800 APP
                R-CLAW        S-CLAW      20260130100000 20000 18800 APP
                R-NEXT-1      S-NEXT      20260130090000 20000 18800 APP
                R-NEXT-2      S-NEXT      20260130100000 20000 20000 APP
                R-NEXT-3      S-NEXT      20260130110000 20000 20000 APP
                R-SAME-1      S-SAME      20260130090000 10000  9500 APP
                V-SAME        S-SAME      20260130093000 reverses R-SAME-1 10000
                R-SAME-2      S-SAME      20260130100000 10000  9500 APP
                V-EARLY       S-EARLYREV  20260130120000 reverses R-EARLY 20000
                V-ORPHAN      S-ORPHAN    20260130120000 reverses R-NEVER 10000
                """),
            ],
            out={
                # make-goods leave at once: 1200 - 1000, 500 - 0, and the duplicate's once
                "credit": """
                    dup|S-DUP|13000000027|500|MAKE_GOOD|||R-DUP
                    full|S-FULL|13000000007|500|MAKE_GOOD|||R-FULL
                    under|S-UNDER|13000000006|200|MAKE_GOOD|||R-UNDER
                """,
            },
            decided="""
            R-START|GRANTED||MATCH|1200|1200
            R-100|GRANTED||MATCH|500|500
            R-200|GRANTED||MATCH|1200|1200
            R-300|GRANTED||MATCH|2000|2000
            R-10005|TIER||*|0|0
            R-150|TIER||*|0|0
            R-500|TIER||*|0|0
            R-UNDER|GRANTED||UNDER|1200|1000
            R-FULL|GRANTED||UNDER|500|0
            R-OVER|GRANTED||OVER|500|1000
            R-NOTENT|TIER||NOT_ENTITLED|0|1000
            R-AGENT|CHANNEL||*|0|0
            R-BANK|CHANNEL||*|0|0
            R-CARD|CHANNEL||*|0|0
            # TIER is asked before CHANNEL
            R-150-AGENT|TIER||*|0|0
            R-HALL-FIRST|GRANTED||MATCH|500|500
            R-HALL-BEFORE|CHANNEL||*|0|0
            R-HALL-NONE|CHANNEL||*|0|0
            # time goes before id
            R-ORDER-A|LIMIT||*|0|0
            R-ORDER-B|GRANTED||MATCH|500|500
            R-TIES-1|GRANTED||MATCH|500|500
            R-TIES-2|LIMIT||*|0|0
            # one for each tier
            R-TIERS-100|GRANTED||MATCH|500|500
            R-TIERS-200|GRANTED||MATCH|1200|1200
            R-PLACE-12|GRANTED||MATCH|500|500
            # what is refused for another reason takes no place
            R-WASTE-1|CHANNEL||*|0|0
            R-WASTE-2|GRANTED||MATCH|500|500
            R-SUSP|NOT_ELIGIBLE|NOT_ACTIVE|*|0|0
            # CHANNEL is asked before NOT_ELIGIBLE
            R-SUSP-AGENT|CHANNEL||*|0|0
            R-YOUNG|NOT_ELIGIBLE|TENURE|*|0|0
            R-GHOST|NOT_ELIGIBLE|UNKNOWN|*|0|0
            # five years are full on 31 January
            R-ANNIV-1|NOT_ELIGIBLE|TENURE|*|0|0
            R-DUP|GRANTED||UNDER|500|0
            R-CONF|CONFLICT||*|*|*
            R-LATERCONF|GRANTED||MATCH|1200|1200
            R-REV|GRANTED||MATCH|1200|1200
            R-PART|GRANTED||MATCH|1200|1200
            R-CLAW|GRANTED||MATCH|1200|1200
            R-NEXT-1|GRANTED||MATCH|1200|1200
            R-NEXT-2|LIMIT||*|0|0
            R-NEXT-3|LIMIT||*|0|0
            # the reversal stands in the same file; it frees the place
            R-SAME-1|REVERSED||*|0|500
            R-SAME-2|GRANTED||MATCH|500|500
            """,
        ),
        Day(
            "20260131",
            proves="rules 4.4, 4.8: a granted recharge keeps its slot, and a reversal frees it for the next",
            arrives=[
                subscribers(JAN31),
                recharges("""
                # judged on the state of 30 January: S-WAS was active then, S-BECAME was not
                R-WAS        S-WAS       20260130200000 10000  9500 APP
                R-BECAME     S-BECAME    20260130200000 10000 10000 APP
                R-ANNIV-2    S-ANNIV     20260131000000 10000  9500 APP
                R-HALL-LAST  S-HALL2     20260131235959 10000  9500 HALL:H-OK
                R-HALL-OPEN  S-HALL4     20260131000000 10000  9500 HALL:H-LATER
                R-MID-1      S-MIDNIGHT  20260131233000 10000  9500 APP
                R-PLACE-08   S-PLACE     20260130080000 10000 10000 APP
                R-DUP        S-DUP       20260130100000 10000 10000 APP
                R-LATERCONF  S-LATERCONF 20260130100000 20000 18900 APP
                V-NEXT       S-NEXT      20260131090000 reverses R-NEXT-1 20000
                R-EARLY      S-EARLYREV  20260130110000 20000 18800 APP
                R-SUSPREV    S-SUSPENDED 20260131100000 10000 10000 APP
                V-SUSPREV    S-SUSPENDED 20260131110000 reverses R-SUSPREV 10000
                R-ORDER-C    S-ORDER     20260131100000 10000 10000 APP
                V-ORDER-C    S-ORDER     20260131110000 reverses R-ORDER-C 10000
                """),
            ],
            out={"credit": "next|S-NEXT|13000000031|1200|MAKE_GOOD|||R-NEXT-2"},
            decided="""
            R-WAS|GRANTED||MATCH|500|500
            R-BECAME|NOT_ELIGIBLE|NOT_ACTIVE|*|0|0
            R-ANNIV-2|GRANTED||MATCH|500|500
            # designated_to is the last day on which it holds; an empty one is open
            R-HALL-LAST|GRANTED||MATCH|500|500
            R-HALL-OPEN|GRANTED||MATCH|500|500
            R-MID-1|GRANTED||MATCH|500|500
            # what an earlier run granted keeps its place against an earlier hour
            R-PLACE-08|LIMIT||*|0|0
            # the freed place goes to the next in order alone; it paid the full price: 1200 to make good
            R-NEXT-2|GRANTED||UNDER|1200|0
            # its reversal was here before it
            R-EARLY|REVERSED||*|0|1200
            # NOT_ELIGIBLE is asked before REVERSED, REVERSED before LIMIT
            R-SUSPREV|NOT_ELIGIBLE|NOT_ACTIVE|*|0|0
            R-ORDER-C|REVERSED||*|0|0
            """,
        ),
        Day(
            "20260201",
            proves="rules 1.2, 4.8: half past midnight is the next month, and a reversal keeps its own date",
            arrives=[
                subscribers(JAN31),
                recharges("""
                R-MID-2      S-MIDNIGHT 20260201003000 10000  9500 APP
                R-HALL-AFTER S-HALL3    20260201000000 10000 10000 HALL:H-OK
                V-REV        S-REV      20260131235500 reverses R-REV 20000
                V-PART       S-PART     20260201090000 reverses R-PART 5000
                V-UNDER      S-UNDER    20260201090000 reverses R-UNDER 20000
                V-FULL       S-FULL     20260201090000 reverses R-FULL 10000
                """),
            ],
            out={
                # a make-good is taken back like a credited instalment
                "credit": """
                    full.back|S-FULL|13000000007|500|CLAWBACK|||R-FULL
                    under.back|S-UNDER|13000000006|200|CLAWBACK|||R-UNDER
                """,
            },
            answers={"credit": Answer({"S-FULL": "11"})},
            # 1.2: 00:30 of 1 February is February, another month's limit
            decided="""
            R-MID-2|GRANTED||MATCH|500|500
            R-HALL-AFTER|CHANNEL||*|0|0
            """,
            facts=[
                Fact(
                    "4.8: the reversal of 31 January keeps its own date and is booked in the open month",
                    "select distinct event_on, booked_on from ledger.ledger_entries"
                    " where subscriber_id = 'S-REV' and budget_line = 'B2' and booked_on > date '2026-01-30'",
                    "2026-01-31|2026-02-01",
                ),
                excepted("4.8: a reversal without its recharge is not reported yet on its second day", "S-ORPHAN", ""),
            ],
        ),
        # no subscriber file on 2 February: the state is the latest before it
        Day(
            "20260202",
            proves="rules 1.2, 4.7: without a delivery the latest state holds, and a failed clawback leaks",
            arrives=[recharges("R-END S-EDGE 20260202235959 10000 9500 APP")],
            decided="R-END|GRANTED||MATCH|500|500",
            facts=[
                Fact(
                    "what could not be recovered is booked as leakage (4.7): S-FULL's make-good",
                    "select subscriber_id, abs(amount_fen) from ledger.ledger_entries where entry_type ilike '%leak%'",
                    "S-FULL|500",
                )
            ],
        ),
        # instalments due on the 5th leave in the run that closes the 4th
        Day(
            "20260204",
            proves="rules 1.2, 4.6: instalments due on the 5th leave in the run that closes the 4th",
            arrives=[subscribers(JAN31), recharges("R-AFTER S-T100 20260203000000 20000 20000 APP")],
            out={
                # not S-REV and S-PART (cancelled), not S-NEXT's first; S-LATERCONF's wait for a person
                "credit": """
                    claw.1|S-CLAW|13000000036|400|INSTALMENT|1|6|R-CLAW
                    edge.1|S-EDGE|13000000001|400|INSTALMENT|1|6|R-START
                    next.1|S-NEXT|13000000031|400|INSTALMENT|1|6|R-NEXT-2
                    t200.1|S-T200|13000000003|400|INSTALMENT|1|6|R-200
                    t300.1|S-T300|13000000004|416|INSTALMENT|1|12|R-300
                    tiers.1|S-TIERS|13000000018|400|INSTALMENT|1|6|R-TIERS-200
                """,
            },
            decided="R-AFTER|WINDOW||*|0|0",
            facts=[
                excepted(
                    "OVER, both conflicts, the orphan reversal (3 days old on the 2nd), the leakage",
                    "S-OVER S-CONF S-LATERCONF S-ORPHAN S-FULL S-T100 S-T200 S-TOOLATE",
                    "S-OVER S-CONF S-LATERCONF S-ORPHAN S-FULL",
                )
            ],
        ),
        # 4.9: 2 February and 3 days: the file of the 5th is still honoured. 4.6: its first instalment is past due,
        # and goes out now
        Day(
            "20260205",
            proves="rules 4.6, 4.9: a late recharge is honoured, its instalment past due goes out at once",
            arrives=[subscribers(JAN31), recharges("R-LATE S-LATE 20260131120000 20000 18800 APP")],
            out={
                "credit": "late.1|S-LATE|13000000037|400|INSTALMENT|1|6|R-LATE",
                "sms": f"""
                    claw.1.sms|13000000036|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_6}
                    edge.1.sms|13000000001|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_6}
                    next.1.sms|13000000031|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_6}
                    t200.1.sms|13000000003|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_6}
                    t300.1.sms|13000000004|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_12}
                    tiers.1.sms|13000000018|INSTALMENT_ARRIVED|20260206080000|20260206200000|1|{ARRIVED_6}
                """,
            },
            decided="R-LATE|GRANTED||MATCH|1200|1200",
        ),
        Day(
            "20260206",
            proves="rules 4.7, 4.9: a day later it is LATE and listed, and a reversed credit is clawed back",
            arrives=[
                subscribers(JAN31),
                recharges("""
                R-TOOLATE S-TOOLATE 20260131120000 10000 10000 APP
                V-CLAW    S-CLAW    20260206090000 reverses R-CLAW 20000
                """),
            ],
            out={
                # reversed after it was credited
                "credit": "claw.1.back|S-CLAW|13000000036|400|CLAWBACK|1|6|R-CLAW",
                "sms": f"""
                    late.1.sms|13000000037|INSTALMENT_ARRIVED|20260207080000|20260207200000|1|{ARRIVED_6}
                """,
            },
            decided="R-TOOLATE|LATE||*|0|0",
            facts=[
                NET_COST,
                LIABILITY,
                excepted("4.9: then listed as exceptions", "S-TOOLATE S-T100", "S-TOOLATE"),
            ],
        ),
    ],
    silent=frozenset({"data_grant"}),  # so that no notice of a gift mixes with those of instalments
    aside=frozenset({"eligibility", "data_grant"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


@pytest.mark.parametrize("business_date", ["20260130", "20260206"])
def test_a_date_run_again_adds_nothing_and_writes_the_same_bytes(play: Play, business_date: str) -> None:
    play.reach(STORY.days[-1])
    out, ledger = play.carrier.out_bytes(), play.ledger()
    assert out
    assert ledger
    close(play.settings, business_date)
    assert _changed(out, play.carrier.out_bytes()) == []
    assert play.ledger() == ledger


def test_a_rebuild_from_in_and_ack_gives_the_same_ledger_and_bytes(
    play: Play, new_database: Callable[[], str], tmp_path: Path
) -> None:
    play.reach(STORY.days[-1])
    rebuilt = again(STORY, new_database(), play, tmp_path)  # another path of the exchange, another warehouse
    assert _changed(play.carrier.out_bytes(), rebuilt.carrier.out_bytes()) == []
    before, after = play.ledger(), rebuilt.ledger()
    assert [row for row in before if row not in after] == []
    assert [row for row in after if row not in before] == []
    assert len(after) == len(before)


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
