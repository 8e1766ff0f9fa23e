"""The phases of a campaign to its close, and who is recognised at it (C3).

The campaign runs on 2 and 3 February 2026, with a day of warm-up and one of follow-up. A recharge of 100 yuan brings 5
off and no bonus, so that nothing is owed for long. Two cases are enough to be ranked. Halls and staff, by hand:

|     | business      | errors            | answers      |
|-----|---------------|-------------------|--------------|
| H-1 | R-1, R-2, R-6 | R-2 of 3: 33.33 % | 5, 3: 4.00   |
| H-2 | R-3, R-4      | R-5 of 3: 33.33 % | 4: too few   |
| A-1 | R-1, R-2      | R-2 of 2: 50.00 % | 5, 3: 4.00   |
| A-2 | R-3, R-4      | none of 2         | 4: too few   |
| A-3 | none          | R-5 of 1          | none         |
| A-4 | R-6: too few  | none              | none         |
| A-5 | a ticket      | none              | 4            |
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from tests.campaign.harness import INTERFACES, Day, Fact, File, Play, Story, people, subscribers, terms

from laoyouhui.pipeline.phase import Phase, nothing_left_to_do, phases_on
from laoyouhui.warehouse.connection import connect

EVERYBODY = people("""
S-A     01
S-B     02
S-C     03
S-D     04
S-E     05
S-YOUNG 06 activation_date=20250101
""")


def recharge(number: int, who: str, paid: int, hall: str, staff: str) -> str:
    return f"R-{number}|{who}||20260202{10 + number}0000|RECHARGE||10000|{paid}|HALL|{hall}|{staff}"


RECOGNITION = (
    "select member_type, member, overall_rank, business_rank, satisfaction_rank, error_rank, business, responses,"
    " satisfaction_hundredths, errors, handled, errors_bp from marts.recognition"
)
PHASES = "select phase, first_date, last_date, is_settled from watch.phases"

STORY = Story(
    "close",
    terms("2026-02-02", "2026-02-03", {
        "phases": {"warm_up_days": 1, "follow_up_days": 1},
        "recognition": {"min_cases": 2},
        "recharge": {"tiers": [{"face_fen": 10000, "discount_fen": 500}]},
    }),
    [
        Day(
            "20260201",
            proves="set-up: the campaign's dates make its phases, and the halls are known",
            arrives=[subscribers(EVERYBODY), File("hall", ["H-1|一厅|1001|20250101|", "H-2|二厅|1002|20250101|"])],
            facts=[
                Fact("phases", PHASES, """
                    PREPARATION||2026-01-31|False
                    WARM_UP|2026-02-01|2026-02-01|False
                    EXECUTION|2026-02-02|2026-02-03|False
                    FOLLOW_UP|2026-02-04|2026-02-04|False
                    CLOSE|2026-02-05||False
                """),
            ],
        ),
        Day(
            "20260202",
            proves="rules 11: nobody is ranked before the campaign ends",
            arrives=[
                subscribers(EVERYBODY),
                File("recharge", [
                    recharge(1, "S-A", 9500, "H-1", "A-1"),
                    recharge(2, "S-B", 9400, "H-1", "A-1"),          # one yuan too much off
                    recharge(3, "S-C", 9500, "H-2", "A-2"),
                    recharge(4, "S-D", 9500, "H-2", "A-2"),
                    recharge(5, "S-YOUNG", 9500, "H-2", "A-3"),      # nothing was due
                    recharge(6, "S-E", 9500, "H-1", "A-4"),
                ]),
                File("ticket", [
                    "E-1|K-1|S-C|OPENED|QUESTION||20260202100000||",
                    "E-2|K-1||ANSWERED|||20260202110000|A-5|",
                ]),
            ],
            facts=[Fact("nobody is ranked before the end", RECOGNITION, "")],
        ),
        Day(
            "20260203",
            proves="rules 11: halls and staff are ranked by business helped, satisfaction and errors",
            arrives=[
                subscribers(EVERYBODY),
                File("survey", [
                    "Q-1|S-A|20260203090000|20260203100000|5|9||",
                    "Q-2|S-B|20260203090000|20260203100000|3|5||",
                    "Q-3|S-C|20260203090000|20260203100000|4|8||",
                    "Q-4|S-D|20260201090000|20260201100000|1|1||",   # before anybody helped
                    "Q-5|S-D|20260203090000|||||",                   # no answer
                    "Q-1|S-A|20260203090000|20260203100000|1|1||",   # known already: the first row stands
                ]),
            ],
            facts=[
                Fact("halls: ranks overall, business, satisfaction, errors; the numbers", RECOGNITION, """
                    HALL|H-1|1|1|1|1|3|2|400|1|3|3333
                    HALL|H-2|2|2||1|2|1|400|1|3|3333
                    STAFF|A-1|2|1|1|2|2|2|400|1|2|5000
                    STAFF|A-2|1|1||1|2|1|400|0|2|0
                    STAFF|A-3|||||0|0||1|1|10000
                    STAFF|A-4|||||1|0||0|1|0
                    STAFF|A-5|||||0|1|400|0|0|
                """),
            ],
        ),
        Day(
            "20260204",
            proves="rules 4.7: the close is settled once nothing that was promised is open",
            arrives=[subscribers(EVERYBODY)],
            facts=[Fact("all is settled", f"{PHASES} where phase = 'CLOSE'", "CLOSE|2026-02-05||True")],
        ),
    ],
    aside=frozenset(INTERFACES),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


def test_before_the_first_run_no_phase_is_known(play: Play) -> None:
    assert phases_on(play.settings, date(2026, 2, 1)) == []
    assert nothing_left_to_do([]) is None


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_after_the_close_runs_go_on_as_long_as_something_is_open(play: Play) -> None:
    play.reach(STORY.days[-1])
    last, closed = date(2026, 2, 4), date(2026, 2, 5)
    assert phases_on(play.settings, last) == [Phase("lyh2026", "FOLLOW_UP", last, last, is_settled=False)]
    assert nothing_left_to_do(phases_on(play.settings, last)) is None
    assert nothing_left_to_do(phases_on(play.settings, closed)) == (
        "lyh2026 CLOSE from 2026-02-05: closed, and nothing that was promised is open"
    )
    with connect(play.settings.warehouse_dsn) as conn:
        conn.execute("update watch.run_figures set amount = 1 where figure = 'open_fen'")
    assert nothing_left_to_do(phases_on(play.settings, closed)) is None
