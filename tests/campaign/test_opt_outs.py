"""Rules 8 and 12: whose word an opt-out is, and from when it counts.

A gift is told of by a marketing text, the day after the carrier accepted it: on 27 January and on 2 February.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Day, Fact, File, Play, Story, but, people, subscribers, terms

JAN25 = people("""
S-AHEAD 01 birth_year=1951
S-TIE   02
S-BACK  03
S-YEAR  04
S-OLD   05
S-NEW   06
""")
# on 26 January the number of S-OLD goes to S-NEW
JAN26 = but(JAN25, "S-OLD msisdn=13000000015\nS-NEW msisdn=13000000005")

WHOSE = (
    "select event_id, subscriber_id from intermediate.int_optout__preferences"
    " where event_id in ('O-MOVED', 'O-NOBODY', 'O-NIL')"
)
NOBODY = (
    "select item_key, detail, source_line from marts.exceptions"
    " where exception_type = 'OPT_OUT_OF_NOBODY' and what_to_do <> ''"
)


def sms(*numbers: str, day: str) -> str:
    return "\n".join(f"{number}.{day}|{number}|GIFT|{day}080000|{day}200000|1|*" for number in numbers)


STORY = Story(
    "opt-outs",
    terms("2026-01-26", "2026-03-31", {
        "recharge": None,
        "messages": {"templates": [
            {"code": "GIFT", "class": "marketing", "event": "data_gift",
             "text": "【中国联通】{gigabytes}GB流量已到账。拒收请回复R"},
        ]},
    }),
    aside=frozenset({"eligibility", "data_grant"}),
    days=[
        Day("20260125", proves="set-up: everybody is in the snapshot", arrives=[subscribers(JAN25)]),
        Day(
            "20260126",
            proves="rules 8: of an OUT and an IN in the same second OUT wins, and a later IN ends an OUT",
            arrives=[
                subscribers(JAN26, lie="sha256"),
                File("optout", [
                    "O-AHEAD||S-AHEAD|20260127000005|OUT|SMS",  # the clock of its system is ahead
                    "O-A||S-TIE|20260126120000|OUT|SMS",
                    "O-B||S-TIE|20260126120000|IN|SMS",
                    "O-C||S-BACK|20260126120000|OUT|SMS",
                    "O-D||S-BACK|20260126120001|IN|SMS",
                    "O-MOVED|13000000005||20260126100000|OUT|SMS",
                    "O-NOBODY|13000000077||20260126100000|OUT|SMS",
                    "O-NIL|||20260126100000|OUT|SMS",
                    "O-YEAR||S-YEAR|20270126100000|OUT|SMS",  # a year ahead
                ]),
            ],
            # S-OLD is taken for the holder, since the day's snapshot could not be read
            out={"sms": sms("13000000003", "13000000006", day="20260127")},
            facts=[
                Fact("as far as is known", WHOSE, "O-MOVED|S-OLD\nO-NOBODY|\nO-NIL|"),
                Fact("for a person, and never a number", NOBODY, """
                    O-NOBODY|OUT at 2026-01-26 10:00:00: nobody held its number on that day|7
                    O-NIL|OUT at 2026-01-26 10:00:00: it names neither a number nor a subscriber|8
                """),
            ],
        ),
        Day(
            "20260127",
            proves="rules 8: who held the number is judged again when the state of its day is corrected",
            arrives=[
                subscribers(JAN26, date="20260126", seq=2),
                subscribers(JAN26),
                File("optout", ["I-YEAR||S-YEAR|20260127100000|IN|SMS"]),
                # an id that looks like a number is quoted by nothing as it stands
                File("sms_report", [f"13000000099|{'0' * 32}|1|1|0||20260127100000"]),
            ],
            facts=[
                Fact("judged again when its day is mended", WHOSE, "O-MOVED|S-NEW\nO-NOBODY|\nO-NIL|"),
                Fact(
                    "masked, whatever it quotes",
                    "select detail from marts.exceptions where exception_type = 'SMS_REPORT'",
                    "UNKNOWN_MESSAGE: report *** says DELIVERED of part 1 of 1",
                ),
            ],
        ),
        Day("20260131", proves="set-up: February's gifts leave", arrives=[subscribers(JAN26)]),
        Day(
            "20260201",
            proves="rules 8, 12: an OUT dated ahead counts from when it is known, so that a later IN ends it",
            arrives=[subscribers(JAN26)],
            # S-OLD is told again, S-NEW no more. The OUT of S-YEAR counted from when it was known: his later IN ends it
            out={"sms": sms("13000000003", "13000000004", "13000000015", day="20260202")},
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_no_mart_and_no_alert_holds_a_phone_number(play: Play) -> None:
    """Also not in what files say of themselves: all text of all of them (rules, 14.2)."""
    play.reach(STORY.days[-1])
    relations = play.query(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema in ('marts', 'marts_candidate') or (table_schema, table_name) = ('watch', 'alerts')"
    )
    assert len(relations) > 20
    for (relation,) in relations:
        found = play.query(
            f"select r::text from {relation} as r where r::text ~ '(?<![0-9A-Za-z])1[0-9]{{10}}(?![0-9A-Za-z])'"
        )
        assert found == [], f"{relation} shows a number"


def test_year_of_birth_and_gender_lie_in_the_last_snapshot_alone(play: Play) -> None:
    """No rule asks for them, so nothing keeps them: no history, ledger or mart, by name or by what it holds."""
    play.reach(STORY.days[-1])
    assert play.query(
        "select distinct birth_year, gender, business_date::text from raw.subscriber inner join raw.delivery"
        " using (delivery_no) where subscriber_id = 'S-AHEAD'"
    ) == [("1951", "F", "2026-02-01")]
    elsewhere = "table_schema not in ('raw', 'information_schema') and table_schema !~ '^pg_'"
    assert not play.query(
        "select table_schema, table_name from information_schema.columns"
        f" where column_name ~ 'birth|gender' and {elsewhere}"
    )
    relations = play.query(
        f"select format('%I.%I', table_schema, table_name) from information_schema.tables where {elsewhere}"
    )
    assert len(relations) > 100
    for (relation,) in relations:
        found = play.query(f"select r::text from {relation} as r where r::text ~ '(?<![0-9A-Za-z])1951(?![0-9A-Za-z])'")
        assert found == [], f"{relation} keeps a year of birth"
