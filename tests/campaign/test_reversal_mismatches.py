"""Rule 4.8: which reversals reverse, and which are for a person.

The whole amount or a part of it, by the same subscriber, voids the whole benefit. One of another subscriber, of more
than the recharge, of nothing, or of what is no recharge reverses nothing and is listed as REVERSAL_MISMATCH.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import Day, Fact, Play, Story, again, people, recharges, subscribers, terms

WHO = people("""
S-VICTIM 01
S-THIEF  02
S-MORE   03
S-PART   04
S-PARTS  05
S-TWICE  06
S-BACK   07
S-EARLY  08
S-WAIT   09
S-WRONG  10
S-CONF   11
S-NONE   12
S-ZERO   13
S-LESS   14
S-BAD    15 activation_date=20240101
""")

MISMATCHES = Fact(
    "reversals for a person: reversal, subscriber, fen, file, line",
    "select item_key, subscriber_id, amount_fen, source_file, source_line from marts.exceptions"
    " where exception_type = 'REVERSAL_MISMATCH' and campaign_id is null and detail <> '' and what_to_do <> ''",
    """
    V-VICTIM|S-THIEF|20000|recharge_20260131_0001.txt|1
    V-MORE|S-MORE|20001|recharge_20260131_0001.txt|2
    V-PARTS-3|S-PARTS|10001|recharge_20260131_0001.txt|6
    V-TWICE-2|S-TWICE|20000|recharge_20260131_0001.txt|8
    V-BACK-2|S-BACK|20000|recharge_20260131_0001.txt|10
    V-WRONG|S-THIEF|20000|recharge_20260130_0001.txt|14
    V-ZERO|S-ZERO|0|recharge_20260131_0001.txt|13
    """,
)
REVERSED = Fact(
    "what was reversed, and by what",
    "select recharge_id, reversal_id from ledger.recharge_reversals",
    """
    R-PART|V-PART
    R-PARTS|V-PARTS-1
    R-TWICE|V-TWICE-1
    R-BACK|V-BACK-1
    R-LESS|V-LESS
    """,
)
INSTALMENTS = Fact(
    "bonuses that stand, of whom",
    "select subscriber_id, sum(liability_fen) from ledger.ledger_entries where benefit = 'RECHARGE_BONUS'"
    " group by subscriber_id having sum(liability_fen) <> 0",
    "S-VICTIM|2400\nS-MORE|2400\nS-WRONG|2400\nS-ZERO|2400",
)

STORY = Story(
    "reversals that do not fit",
    terms("2026-01-30", "2026-03-31", {"data_gift": None, "messages": {"templates": []}}),
    aside=frozenset({"eligibility"}),
    days=[
        Day("20260129", proves="set-up: everybody is in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260130",
            proves="set-up: recharges are granted, and reversals of four others come before them",
            arrives=[
                subscribers(WHO),
                recharges("""
                R-VICTIM S-VICTIM 20260130100000 20000 18800 APP
                R-MORE   S-MORE   20260130100000 20000 18800 APP
                R-PART   S-PART   20260130100000 20000 18800 APP
                R-PARTS  S-PARTS  20260130100000 20000 18800 APP
                R-TWICE  S-TWICE  20260130100000 20000 18800 APP
                R-BACK   S-BACK   20260130100000 20000 18800 APP
                R-ZERO   S-ZERO   20260130100000 20000 18800 APP
                R-LESS   S-LESS   20260130100000 20000 18800 APP
                R-BAD    S-BAD    20260130100000 20000 20000 APP
                # two rows of one recharge: while nobody has chosen nothing is reversed, whoever says so
                R-CONF   S-CONF   20260130100000 20000 18800 APP
                R-CONF   S-THIEF  20260130100000 20000 18800 APP
                # before their recharges: of the same subscriber, of a part, and of another
                V-EARLY  S-EARLY  20260130110000 reverses R-EARLY 20000
                V-WAIT   S-WAIT   20260130110000 reverses R-WAIT 1
                V-WRONG  S-THIEF  20260130110000 reverses R-WRONG 20000
                V-NONE   S-NONE   20260130110000 reverses R-NONE 20000
                """),
            ],
            decided="""
                R-VICTIM|GRANTED||MATCH|1200|1200
                R-MORE|GRANTED||MATCH|1200|1200
                R-PART|GRANTED||MATCH|1200|1200
                R-PARTS|GRANTED||MATCH|1200|1200
                R-TWICE|GRANTED||MATCH|1200|1200
                R-BACK|GRANTED||MATCH|1200|1200
                R-ZERO|GRANTED||MATCH|1200|1200
                R-LESS|GRANTED||MATCH|1200|1200
                R-BAD|NOT_ELIGIBLE|TENURE|MATCH|0|0
                R-CONF|CONFLICT||NOT_CHECKED|0|1200
            """,
        ),
        Day(
            "20260131",
            proves="rules 4.8: a part voids the whole, a stranger's or too large a reversal reverses nothing",
            arrives=[
                subscribers(WHO),
                recharges("""
                V-VICTIM  S-THIEF 20260131100000 reverses R-VICTIM 20000
                V-MORE    S-MORE  20260131100000 reverses R-MORE 20001
                # 1 fen of 20,000 voids the whole
                V-PART    S-PART  20260131100000 reverses R-PART 1
                # two parts, and a third of more than is left
                V-PARTS-1 S-PARTS 20260131100000 reverses R-PARTS 5000
                V-PARTS-2 S-PARTS 20260131110000 reverses R-PARTS 5000
                V-PARTS-3 S-PARTS 20260131120000 reverses R-PARTS 10001
                V-TWICE-1 S-TWICE 20260131100000 reverses R-TWICE 20000
                V-TWICE-2 S-TWICE 20260131110000 reverses R-TWICE 20000
                # a reversal of a reversal gives nothing back
                V-BACK-1  S-BACK  20260131100000 reverses R-BACK 20000
                V-BACK-2  S-BACK  20260131110000 reverses V-BACK-1 20000
                V-CONF    S-THIEF 20260131100000 reverses R-CONF 20000
                # of a recharge that was refused: fits, and changes nothing
                V-BAD     S-BAD   20260131100000 reverses R-BAD 20000
                V-ZERO    S-ZERO  20260131100000 reverses R-ZERO 0
                # as some systems spell it
                V-LESS    S-LESS  20260131100000 reverses R-LESS -20000
                R-EARLY   S-EARLY 20260130100000 20000 18800 APP
                R-WAIT    S-WAIT  20260130100000 20000 18800 APP
                R-WRONG   S-WRONG 20260130100000 20000 18800 APP
                """),
            ],
            decided="""
                R-EARLY|REVERSED||NOT_ENTITLED|0|1200
                R-WAIT|REVERSED||NOT_ENTITLED|0|1200
                R-WRONG|GRANTED||MATCH|1200|1200
            """,
            facts=[MISMATCHES, REVERSED, INSTALMENTS],
        ),
        Day(
            "20260202",
            proves="rules 4.8, 4.10: a reversal that does not fit the chosen row reverses nothing, and is listed",
            arrives=[subscribers(WHO)],
            # the row of another than V-CONF names is chosen: nothing is reversed, and the reversal is listed
            says={"choose R-CONF recharge_20260130_0001.txt 10": ""},
            decided="R-CONF|GRANTED||MATCH|1200|1200",
            facts=[
                Fact(
                    "the reversal that fits the other row only",
                    "select item_key, detail from marts.exceptions"
                    " where exception_type = 'REVERSAL_MISMATCH' and found_on = {on}",
                    "V-CONF|OTHER_SUBSCRIBER: reverses 20000 fen of R-CONF, a recharge of another subscriber",
                ),
                Fact(
                    "reported after three days: the one whose recharge has not come",
                    "select item_key from marts.exceptions where exception_type = 'ORPHAN_REVERSAL'",
                    "V-NONE",
                ),
            ],
        ),
    ],
)


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
