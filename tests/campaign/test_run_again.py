"""Rules 1.2, 1.5, 1.6: a date is run again, whatever was ingested together; what came since is judged, nothing twice.

The run closing 31 January ingests the snapshots of the 30th and the 31st. S-MOVED moves on the 31st, S-GONE leaves;
the correction of the 31st, ingested by a further attempt, says that neither is true.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import ANYTHING, Day, Fact, Play, Story, but, people, subscribers, terms

THE_30TH = people("""
S-STAYS 01
S-MOVED 02
S-GONE  03
""")
THE_31ST = but(
    THE_30TH,
    """
    S-MOVED city_code=2000
    S-GONE  gone
    """,
)


def states(rows: str) -> Fact:
    """The state of each subscriber at the close of the 30th and of the 31st: the last row not after the date."""
    return Fact(
        "state by date (date|subscriber|city|present)",
        "select distinct on (days.day, states.subscriber_id)"
        " days.day, states.subscriber_id, states.city_code, states.is_present"
        " from (values (date '2026-01-30'), (date '2026-01-31')) as days (day)"
        " join intermediate.int_subscriber__history as states on states.state_on <= days.day"
        " order by days.day, states.subscriber_id, states.state_on desc, states.revision desc",
        rows,
    )


AS_DELIVERED = states("""
2026-01-30|S-GONE|1003|True
2026-01-30|S-MOVED|1002|True
2026-01-30|S-STAYS|1001|True
2026-01-31|S-GONE||False
2026-01-31|S-MOVED|2000|True
2026-01-31|S-STAYS|1001|True
""")
AS_CORRECTED = states("""
2026-01-30|S-GONE|1003|True
2026-01-30|S-MOVED|1002|True
2026-01-30|S-STAYS|1001|True
2026-01-31|S-GONE|1003|True
2026-01-31|S-MOVED|1002|True
2026-01-31|S-STAYS|1001|True
""")
BEFORE_CORRECTED = states("""
2026-01-30|S-GONE|1003|True
2026-01-30|S-MOVED|3000|True
2026-01-30|S-STAYS|1001|True
2026-01-31|S-GONE|1003|True
2026-01-31|S-MOVED|1002|True
2026-01-31|S-STAYS|1001|True
""")
WANTED = {"eligibility": ANYTHING, "data_grant": ANYTHING}

STORY = Story(
    "a date run again",
    terms("2026-01-28", "2026-02-10"),
    [
        Day("20260127", proves="set-up: three subscribers qualify", arrives=[subscribers(THE_30TH)], out=WANTED),
        Day(
            "20260131",
            proves="rules 1.2: two snapshots in one run are each the state of their own date",
            arrives=[subscribers(THE_30TH, date="20260130"), subscribers(THE_31ST, date="20260131")],
            out=WANTED | {"sms": ANYTHING},
            facts=[AS_DELIVERED],
        ),
        Day(
            "20260131",
            proves="rules 1.6: a date run again with nothing new changes nothing",
            arrives=[],
            out=WANTED | {"sms": ANYTHING},
            facts=[AS_DELIVERED],
        ),
        Day(
            "20260131",
            proves="rules 1.2: a correction in a further attempt is the state of its date",
            arrives=[subscribers(THE_30TH, date="20260131", seq=2)],
            out=WANTED | {"sms": ANYTHING},
            facts=[AS_CORRECTED],
        ),
        # an older date corrected after the next one was ingested: it does not reach into that one
        Day(
            "20260131",
            proves="rules 1.2: an older date corrected later does not reach into the next one",
            arrives=[subscribers(but(THE_30TH, "S-MOVED city_code=3000"), date="20260130", seq=2)],
            out=WANTED | {"sms": ANYTHING},
            facts=[BEFORE_CORRECTED],
        ),
    ],
)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
