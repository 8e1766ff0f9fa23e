"""Rule 8: delivery reports settle each message: delivered, failed, unknown; what is wrong with a report is for people.

Every message has two parts. The carrier answers the file a day late, after the first reports; S-REFUSED's message is
then refused. The reports name messages by their keys, so the story is told step by step.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import ANYTHING, SILENT, Answer, Day, File, Play, Story, close, people, subscribers, terms

NAMES = ["S-ALL", "S-HALF", "S-WAIT", "S-FAIL", "S-BOTH", "S-LATER", "S-RANGE", "S-REFUSED"]
EVERYBODY = people("\n".join(f"{name} {number:02}" for number, name in enumerate(NAMES, start=1)))
TWO_PARTS = "【中国联通】" + "老友惠" * 22  # 72 units, one part more than 67 hold

STORY = Story(
    "sms reports",
    terms("2026-01-26", "2026-04-30", {
        "intake": {"bad_rows_limit_bp": 5000},
        "messages": {"templates": [{"code": "GIFT", "class": "service", "event": "data_gift", "text": TWO_PARTS}]},
    }),
    [
        Day(
            "20260125",
            proves="set-up: the gifts leave, and are accepted",
            arrives=[subscribers(EVERYBODY)],
            out={"data_grant": ANYTHING},
        ),
        Day(
            "20260126",
            proves="set-up: messages of two segments leave, and are not answered",
            arrives=[subscribers(EVERYBODY)],
            out={"sms": ANYTHING},
            answers={"sms": SILENT},
        ),
    ],
    aside=frozenset({"eligibility"}),
)  # fmt: skip

MART = (
    "select built, handed_over, accepted, refused, delivered, failed, unknown, segments, cost_fen"
    " from marts.messages_by_day where day = '2026-01-27' and template_code = 'GIFT'"
)
PROBLEMS = (
    "select coalesce(subscriber_id, 'nobody'), split_part(detail, ':', 1), count(*) from marts.exceptions"
    " where exception_type = 'SMS_REPORT' and found_on = '{}' group by 1, 2 order by 1, 2"
)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    play = new_play(STORY)
    play.check(STORY.days[-1])
    return play


@pytest.fixture(scope="module")
def keys(play: Play) -> dict[str, str]:
    """The key of each subscriber's message, found by the number."""
    sent = {row[1]: row[0] for _, rows in play.carrier.sent("sms", "20260126") for row in rows}
    return {name: sent[EVERYBODY[name]["msisdn"]] for name in NAMES}


def run(play: Play, day: str, reports: list[str]) -> None:
    play.carrier.deliver(subscribers(EVERYBODY), day)
    play.carrier.deliver(File("sms_report", reports), day)
    close(play.settings, day)


def test_a_report_before_the_acceptance_waits_for_it(play: Play, keys: dict[str, str]) -> None:
    at = "20260127093000"
    reports = [  # report_id, message_key, part, parts, state, error_code, at
        *(f"P-{name}-1|{keys[name]}|1|2|0||{at}" for name in NAMES if name != "S-RANGE"),
        f"P-ALL-2|{keys['S-ALL']}|2|2|0||{at}",
        f"P-ALL-2|{keys['S-ALL']}|2|2|0||{at}",  # twice in the file: a duplicate
        f"P-WAIT-2|{keys['S-WAIT']}|2|2|1||{at}",
        f"P-FAIL-2|{keys['S-FAIL']}|2|2|2|UNDELIV|{at}",
        f"P-BOTH-2|{keys['S-BOTH']}|2|2|0||{at}",
        f"P-BOTH-1-again|{keys['S-BOTH']}|1|2|2|UNDELIV|{at}",  # part 1 was delivered, it says above
        f"P-LATER-2|{keys['S-LATER']}|2|2|0||{at}",
        f"P-RANGE-1|{keys['S-RANGE']}|1|3|0||{at}",  # the message has two parts
        f"P-RANGE-3|{keys['S-RANGE']}|3|2|0||{at}",
        f"P-RANGE-0|{keys['S-RANGE']}|0|2|0||{at}",  # quarantined as the file is read
        f"P-REFUSED-2|{keys['S-REFUSED']}|2|2|0||{at}",
        f"P-NOBODY|{'f' * 32}|1|1|0||{at}",
    ]
    run(play, "20260127", reports)
    assert play.query(MART) == [(8, 8, 0, 0, 0, 0, 0, 0, 0)]
    assert play.query(PROBLEMS.format("2026-01-27")) == [
        ("S-BOTH", "CONTRADICTS", 2),
        ("S-RANGE", "PART_OUT_OF_RANGE", 2),
        ("nobody", "UNKNOWN_MESSAGE", 1),
    ]
    quarantined = "select line_no, reason, field from raw.quarantined_row"
    assert play.query(quarantined) == [(reports.index(f"P-RANGE-0|{keys['S-RANGE']}|0|2|0||{at}") + 1, "RANGE", "part")]


def test_each_message_is_settled_once_accepted(play: Play, keys: dict[str, str]) -> None:
    play.carrier.answer("sms", "20260126", Answer({EVERYBODY["S-REFUSED"]["msisdn"]: "10"}))
    at = "20260128093000"
    run(play, "20260128", [
        f"P-ALL-2|{keys['S-ALL']}|2|2|0||20260127093000",  # delivered again: a duplicate
        f"P-LATER-2-again|{keys['S-LATER']}|2|2|2|UNDELIV|{at}",
        f"P-REFUSED-1-again|{keys['S-REFUSED']}|1|2|0||{at}",
    ])  # fmt: skip
    # delivered: S-ALL. failed: S-FAIL, and whatever else was said of them S-BOTH and S-LATER. unknown: S-HALF, S-WAIT
    # and S-RANGE. All 14 segments of the seven accepted messages are paid.
    assert play.query(MART) == [(8, 8, 7, 1, 1, 3, 3, 14, 56)]
    assert play.query(PROBLEMS.format("2026-01-28")) == [
        ("S-LATER", "CONTRADICTS", 1),
        ("S-REFUSED", "REFUSED_MESSAGE", 1),
    ]
    assert play.query("select count(*) from intermediate.int_sms_report__segments where report_id = 'P-ALL-2'") == [
        (1,)
    ]
