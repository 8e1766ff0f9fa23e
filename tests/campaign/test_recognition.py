"""Plan C3: recognition counts what stands. One number recharged and reversed again and again is no help, but an error.

The campaign ends on 3 February; business counts when it is three days old.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import INTERFACES, Day, Fact, File, Play, Story, people, subscribers, terms

WHO = people("\n".join(f"S-{number} {number:02}" for number in range(1, 9)))


def row(identity: str, who: str, at: str, staff: str, reverses: str = "") -> str:
    kind = "REVERSAL" if reverses else "RECHARGE"
    paid = 10000 if reverses else 9500
    return f"{identity}|{who}||{at}|{kind}|{reverses}|10000|{paid}|HALL|H-1|{staff}"


def ranked(rows: str) -> Fact:
    return Fact(
        "staff: rank, business, errors, handled",
        "select member, overall_rank, business, errors, handled from marts.recognition where member_type = 'STAFF'",
        rows,
    )


# A-TRICK: one number four times; A-HONEST: two numbers, and one more that was reversed once; A-LATE on the last day
FIRST = [
    *(row(f"R-T{time}", "S-1", f"202602011{time}0000", "A-TRICK") for time in range(4)),
    row("R-H1", "S-2", "20260201100000", "A-HONEST"),
    row("R-H2", "S-3", "20260201110000", "A-HONEST"),
    row("R-H3", "S-4", "20260201120000", "A-HONEST"),
]
SECOND = [
    *(row(f"V-T{time}", "S-1", f"202602021{time}0000", "A-TRICK", f"R-T{time}") for time in range(4)),
    row("V-H3", "S-4", "20260202120000", "A-HONEST", "R-H3"),
]
LAST = [row("R-L1", "S-5", "20260203100000", "A-LATE")]

STORY = Story(
    "recognition",
    terms("2026-02-01", "2026-02-03", {
        "recognition": {"min_cases": 1, "reversal_days": 3},
        "recharge": {"tiers": [{"face_fen": 10000, "discount_fen": 500}]},
    }),
    aside=frozenset(INTERFACES),
    days=[
        Day(
            "20260131",
            proves="set-up: the subscribers and the hall are known",
            arrives=[subscribers(WHO), File("hall", ["H-1|一厅|1001|20250101|"])],
        ),
        Day(
            "20260201",
            proves="set-up: two of the staff help with recharges",
            arrives=[subscribers(WHO), File("recharge", FIRST)],
        ),
        Day(
            "20260202",
            proves="set-up: one number's four recharges are reversed, and one of three others",
            arrives=[subscribers(WHO), File("recharge", SECOND)],
        ),
        Day(
            "20260203",
            proves="rules 11: an error counts at once, business only when it is three days old",
            arrives=[subscribers(WHO), File("recharge", LAST)],
            # nothing is three days old.
            facts=[ranked("A-TRICK||0|4|4\nA-HONEST||0|0|0\nA-LATE||0|0|0")],
        ),
        Day(
            "20260204",
            proves="rules 11: what was reversed is no business, but an error",
            arrives=[subscribers(WHO)],
            facts=[ranked("A-TRICK||0|4|4\nA-HONEST|1|2|0|2\nA-LATE||0|0|0")],
        ),
        Day(
            "20260206",
            proves="rules 11: business of the last day counts once it is three days old",
            arrives=[subscribers(WHO)],
            facts=[ranked("A-TRICK||0|4|4\nA-HONEST|1|2|0|2\nA-LATE|2|1|0|1")],
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
