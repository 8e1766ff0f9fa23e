"""Rule 12: what counts as a file, what counts as a row, and what a corrected delivery does.

Three dates of a running campaign. A file's check must agree in bytes, rows, sha256 and control total; at most 1 % of
its rows may be bad; whatever is quarantined is replaced by a delivery under the same name or the next number, in the
next run.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import (
    Day,
    Fact,
    File,
    Play,
    Story,
    but,
    people,
    recharge_rows,
    recharges,
    subscribers,
    terms,
)

EVERYBODY = people("""
S-GOOD    01
S-BYTES   02
S-ROWS    03
S-SHA     04
S-TOTAL   05
S-NOCHECK 06
S-MANY    07
S-HALL    08
S-TURNS   09
S-DROPPED 10
S-BADROW1 11
S-BADROW2 12
""")
# 188 more make 200: two bad rows are 1 % of them, which is not more than 1 %
CROWD = {f"S-CROWD-{n:03}": EVERYBODY["S-GOOD"] | {"subscriber_id": f"S-CROWD-{n:03}"} for n in range(188)}
SOUND = "|".join(EVERYBODY["S-BADROW1"].values())
FIRST = [
    *(
        "|".join(one.values())
        for one in (EVERYBODY | CROWD).values()
        if not one["subscriber_id"].startswith("S-BADROW")
    ),
    SOUND.replace("|A|", "|X|"),  # line 199: no such status
    "|".join(EVERYBODY["S-BADROW2"].values()).removesuffix("|Y"),  # line 200: a field is missing
]
SUSPENDED = but(EVERYBODY, "S-TURNS status=S status_date=20260131")

# 495 recharges that earn nothing, and five bad rows: 1 % of 500
DULL = [f"R-DULL-{n:03}|S-GOOD||20260130100000|RECHARGE||1000|1000|AGENT||" for n in range(494)]
BAD_ROWS: list[str | bytes] = [
    *recharge_rows("R-GOOD S-GOOD 20260130100000 10000 9500 APP"),
    *DULL,
    "R-FIELDS|S-GOOD||20260130100000|RECHARGE||0|0|APP|",  # line 496: ten fields, expected eleven
    "R-TYPE|S-GOOD||20260230100000|RECHARGE||20000|20000|APP||",  # line 497: no such day
    "R-RANGE|S-GOOD||20260130100000|RECHARGE||20000|99999999999999999999|APP||",  # line 498: more than can be
    "R-CODE|S-GOOD||20260130100000|RECHARGE||20000|20000|WEB||",  # line 499: no such channel
    b"R-ENCODING|S-GOOD||20260130100000|RECHARGE||0|0|APP||\xff\xff",  # line 500: no GB18030
]
# 3 of 200 rows are more than 1 %: the good R-MANY goes nowhere either
TOO_MANY = [
    *recharge_rows("R-MANY S-MANY 20260130100000 10000 9500 APP"),
    *(f"R-DULL-M{n:03}|S-GOOD||20260130100000|RECHARGE||1000|1000|AGENT||" for n in range(196)),
    *(f"R-CODE-M{n}|S-GOOD||20260130100000|RECHARGE||1000|1000|WEB||" for n in range(3)),
]


def intake(rows: str) -> Fact:
    return Fact(
        "files ingested: name, state, a reason is given, received, loaded, quarantined",
        "select file_name, state, reason is not null, rows_received, rows_loaded, rows_quarantined"
        " from marts.intake_by_file where received_on = {on}",
        rows,
    )


def granted(recharge_ids: str) -> Fact:
    return Fact(
        "recharges granted in this run",
        "select recharge_id from ledger.recharge_decisions where decided_on = {on} and reason = 'GRANTED'",
        recharge_ids.replace(" ", "\n"),
    )


STORY = Story(
    "bad input",
    terms("2026-01-26", "2026-04-30"),
    [
        Day(
            "20260130",
            proves="rules 12: a file counts when its check agrees and at most one percent of its rows are bad",
            arrives=[
                File("subscriber", FIRST, gz=True),
                # in GB18030 the byte of `|` stands in 億 (0x837C) and 墊 (0x897C): decode first, then split
                File("hall", ["H-1|億達墊江營業廳|1001|20260101|"]),
                File("recharge", BAD_ROWS),
                recharges("R-BYTES S-BYTES 20260130100000 10000 9500 APP", seq=2, lie="bytes"),
                recharges("R-ROWS S-ROWS 20260130100000 10000 9500 APP", seq=3, lie="rows"),
                recharges("R-SHA S-SHA 20260130100000 10000 9500 APP", seq=4, lie="sha256"),
                recharges("R-TOTAL S-TOTAL 20260130100000 10000 9500 APP", seq=5, lie="control_total"),
                File("recharge", TOO_MANY, seq=6),
                recharges("", seq=7),
                recharges("R-NOCHECK S-NOCHECK 20260130100000 10000 9500 APP", seq=8, part="data"),
                recharges("R-HALL S-HALL 20260130100000 10000 9500 HALL:H-1", seq=9),
                # next year's date, by mistake: it waits, and somebody is told
                recharges("R-FUTURE S-GOOD 20260130100000 10000 9500 APP", date="20270130"),
            ],
            facts=[
                Fact(
                    "what people are told: type, file, why",
                    "select exception_type, source_file, split_part(detail, ':', 1) from marts.exceptions"
                    " where exception_type in ('FILE_SET_ASIDE', 'FILE_WAITING') and what_to_do <> ''",
                    """
                    FILE_SET_ASIDE|recharge_20260130_0002.txt|SIZE
                    FILE_SET_ASIDE|recharge_20260130_0003.txt|ROWS
                    FILE_SET_ASIDE|recharge_20260130_0004.txt|CHECKSUM
                    FILE_SET_ASIDE|recharge_20260130_0005.txt|CONTROL_TOTAL
                    FILE_SET_ASIDE|recharge_20260130_0006.txt|BAD_ROWS
                    FILE_WAITING|in/recharge/recharge_20260130_0008.txt|NO_CHECK
                    FILE_WAITING|in/recharge/recharge_20270130_0001.chk|LATER
                    """,
                ),
                granted("R-GOOD R-HALL"),
                # nothing is dropped; a file without its check does not count yet; an empty one with a right check is
                # valid
                intake("""
                    subscriber_20260130_0001.txt.gz|LOADED|*|200|198|2
                    hall_20260130_0001.txt|LOADED|*|1|1|0
                    recharge_20260130_0001.txt|LOADED|*|500|495|5
                    recharge_20260130_0002.txt|SET_ASIDE|True|*|0|*
                    recharge_20260130_0003.txt|SET_ASIDE|True|*|0|*
                    recharge_20260130_0004.txt|SET_ASIDE|True|*|0|*
                    recharge_20260130_0005.txt|SET_ASIDE|True|*|0|*
                    recharge_20260130_0006.txt|SET_ASIDE|True|*|0|*
                    recharge_20260130_0007.txt|LOADED|*|0|0|0
                    recharge_20260130_0009.txt|LOADED|*|1|1|0
                """),
                Fact(
                    "loaded + quarantined = received, always",
                    "select file_name from marts.intake_by_file"
                    " where (rows_loaded + rows_quarantined) is distinct from rows_received",
                    "",
                ),
                Fact(
                    "each bad row with file, line, reason and raw text (or bytes, where they are no text)",
                    "select file_name, line_no, r.reason is not null, raw_text is not null or raw_bytes is not null"
                    " from raw.quarantined_row r join raw.delivery using (delivery_no)"
                    " where file_name in ('subscriber_20260130_0001.txt.gz', 'recharge_20260130_0001.txt')",
                    """
                    subscriber_20260130_0001.txt.gz|199|True|True
                    subscriber_20260130_0001.txt.gz|200|True|True
                    recharge_20260130_0001.txt|496|True|True
                    recharge_20260130_0001.txt|497|True|True
                    recharge_20260130_0001.txt|498|True|True
                    recharge_20260130_0001.txt|499|True|True
                    recharge_20260130_0001.txt|500|True|True
                    """,
                ),
                Fact(
                    "the raw text is the row as it came",
                    "select string_to_array(raw_text, '|') from raw.quarantined_row join raw.delivery using "
                    "(delivery_no)"
                    " where file_name = 'subscriber_20260130_0001.txt.gz' and line_no = 199",
                    str(SOUND.replace("|A|", "|X|").split("|")),
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 12: a corrected delivery counts from the next run, a duplicate row only once",
            arrives=[
                # the whole subscriber file is quarantined: the state stays the latest before it, S-TURNS active
                subscribers(SUSPENDED | CROWD, lie="sha256"),
                recharges("R-TURNS-1 S-TURNS 20260131100000 10000 9500 APP"),
                # the same file under another name: each row is a duplicate, and earns nothing twice
                recharges("R-TURNS-1 S-TURNS 20260131100000 10000 9500 APP", seq=2),
                # replaced under the same name with a new check, and under the next number
                recharges("R-BYTES S-BYTES 20260130100000 10000 9500 APP", date="20260130", seq=2),
                recharges("R-ROWS S-ROWS 20260130100000 10000 9500 APP", date="20260130", seq=10),
                # the missing check file
                recharges("R-NOCHECK S-NOCHECK 20260130100000 10000 9500 APP", date="20260130", seq=8, part="check"),
                # a bad row mended and delivered again
                recharges("R-TYPE S-GOOD 20260130110000 20000 18800 APP", date="20260130", seq=11),
            ],
            facts=[
                Fact(
                    "rows that only repeat an earlier one",
                    "select file_name, rows_duplicate from marts.intake_by_file where rows_duplicate > 0",
                    "recharge_20260131_0002.txt|1",
                ),
                granted("R-TURNS-1 R-BYTES R-ROWS R-NOCHECK R-TYPE"),
                intake("""
                    subscriber_20260131_0001.txt|SET_ASIDE|True|*|0|*
                    recharge_20260131_0001.txt|LOADED|*|1|1|0
                    recharge_20260131_0002.txt|LOADED|*|1|1|0
                    recharge_20260130_0002.txt|LOADED|*|1|1|0
                    recharge_20260130_0008.txt|LOADED|*|1|1|0
                    recharge_20260130_0010.txt|LOADED|*|1|1|0
                    recharge_20260130_0011.txt|LOADED|*|1|1|0
                """),
            ],
        ),
        Day(
            "20260201",
            proves="rules 1.2, 12: a corrected snapshot replaces the state of its date as a whole",
            arrives=[
                # 31 January corrected by the next number: from now on its state is what that says
                subscribers(SUSPENDED | CROWD, date="20260131", seq=2),
                # and a correction of the correction, under the same name with a new check file
                subscribers(SUSPENDED | CROWD, date="20260131"),
                # a later snapshot of one date replaces the earlier as a whole: S-DROPPED is gone
                subscribers(EVERYBODY | CROWD),
                subscribers(but(EVERYBODY, "S-DROPPED gone") | CROWD, seq=2),
                recharges("""
                R-TURNS-2 S-TURNS   20260131110000 20000 20000 APP
                R-TURNS-3 S-TURNS   20260201110000 20000 18800 APP
                R-DROPPED S-DROPPED 20260201110000 20000 20000 APP
                """),
            ],
            decided="""
            R-TURNS-2|NOT_ELIGIBLE|NOT_ACTIVE|*|0|0
            R-TURNS-3|GRANTED||MATCH|1200|1200
            R-DROPPED|NOT_ELIGIBLE|UNKNOWN|*|0|0
            """,
        ),
    ],
    aside=frozenset({"eligibility", "data_grant", "credit", "sms"}),
)


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
