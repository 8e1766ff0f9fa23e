"""The carrier is silent, late or contradicts itself, and people say what is to become of it (rules 4.7, 4.10).

The campaign runs from 26 January to 10 February 2026. A gift is 5120 MB at 50 fen a GB: 250 fen. A recharge of 200
yuan brings a bonus of 24.00 in 6 instalments of 400 fen, due on the 5th. January's gifts and the instalments of 5
February are not answered in time; the credits are asked for again as a whole file, and then both files are answered.

Afterwards (rule 1.5): the story again from its `in/`, `ack/` and `journal/`: every file, answer and override on its
day.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import (
    SILENT,
    WHO,
    WHY,
    Answer,
    Day,
    Fact,
    Play,
    Story,
    again,
    but,
    costs,
    excepted,
    people,
    recharges,
    subscribers,
    terms,
)

EVERYBODY = people("""
S-ONE      01
S-ELEVEN   02
S-THIRTY   03
S-FORTY    04
S-REVERSED 05
S-SUSP     06
S-GIVEN    07
S-CONF     08
S-AFTER    09
S-LIMIT    10
""")
GIFTS = "\n".join(f"gift-{who}|{who}|*|LYHMLD5G|5120|20260126|20260131" for who in EVERYBODY)
FIRST_ANSWER = Answer({"S-ELEVEN": "11", "S-THIRTY": "30", "S-FORTY": "30"})
FEB05 = but(EVERYBODY, "S-SUSP status=S status_date=20260205")


def liability(rows: str) -> Fact:
    return Fact(
        "liability: month, opening, promised, credited, forfeited, cancelled, given up, clawed back, closing",
        "select left(month::text, 7), opening_fen, promised_fen, credited_fen, forfeited_fen, cancelled_fen,"
        " given_up_fen, clawed_back_fen, closing_fen from marts.liability_by_month",
        rows,
    )


def unanswered(rows: str) -> Fact:
    return Fact(
        "sent, unanswered, by age: benefit, sent on, days, rows, fen",
        "select benefit, sent_on, age_days, rows, amount_fen from marts.unanswered_by_age"
        " where interface in ('credit', 'data_grant')",
        rows,
    )


def lives(why: str, subscriber: str, rows: str) -> Fact:
    return Fact(
        f"life of the rows of {subscriber}, {why}: file, state, answered on, code, by whom, sent again in, is open",
        "select file_stem, state, answered_on, code, requested_by, sent_again_in, is_open from ledger.dispatches"
        f" where subscriber_id = '{subscriber}' and interface in ('credit', 'data_grant')",
        rows,
    )


STORY = Story(
    "words",
    terms("2026-01-26", "2026-02-10", {"data_gift": {"months": 1}}),
    [
        Day(
            "20260125",
            proves="set-up: the gifts leave, and are not answered",
            arrives=[subscribers(EVERYBODY)],
            out={"data_grant": GIFTS},
            answers={"data_grant": SILENT},
        ),
        Day(
            "20260131",
            proves="rules 4.10: of two rows of one recharge neither earns anything until one is chosen",
            arrives=[
                subscribers(EVERYBODY),
                recharges("""
                R-ONE      S-ONE      20260131100000 20000 18800 APP
                R-ELEVEN   S-ELEVEN   20260131100000 20000 18800 APP
                R-THIRTY   S-THIRTY   20260131100000 20000 18800 APP
                R-FORTY    S-FORTY    20260131100000 20000 18800 APP
                R-REVERSED S-REVERSED 20260131100000 20000 18800 APP
                R-SUSP     S-SUSP     20260131100000 20000 18800 APP
                # lines 7 and 8: one of them is true
                R-CONF     S-CONF     20260131100000 10000 10000 APP
                R-CONF     S-CONF     20260131100000 20000 18800 APP
                R-AFTER    S-AFTER    20260131100000 20000 18800 APP
                # lines 10 to 12: the first keeps the place of R-LIMIT-3; line 11 says otherwise than line 12
                R-LIMIT-1  S-LIMIT    20260131090000 10000  9500 APP
                R-LIMIT-2  S-LIMIT    20260131100000 10000 10000 APP
                R-LIMIT-2  S-LIMIT    20260131100000 10000  9500 APP
                R-LIMIT-3  S-LIMIT    20260131110000 10000 10000 APP
                """),
            ],
            decided="""
            R-ONE|GRANTED||MATCH|1200|1200
            R-ELEVEN|GRANTED||MATCH|1200|1200
            R-THIRTY|GRANTED||MATCH|1200|1200
            R-FORTY|GRANTED||MATCH|1200|1200
            R-REVERSED|GRANTED||MATCH|1200|1200
            R-SUSP|GRANTED||MATCH|1200|1200
            R-CONF|CONFLICT||*|*|*
            R-AFTER|GRANTED||MATCH|1200|1200
            R-LIMIT-1|GRANTED||MATCH|500|500
            R-LIMIT-2|CONFLICT||*|*|*
            R-LIMIT-3|LIMIT||*|0|0
            """,
            facts=[unanswered("DATA_GIFT|2026-01-25|6|10|2500")],
        ),
        Day(
            "20260204",
            proves="rules 4.10: a chosen row is decided as if it had come that day",
            arrives=[
                subscribers(EVERYBODY),
                recharges("""
                # R-AFTER was granted by another row; the reversal stands twice with other contents
                R-AFTER    S-AFTER    20260131100000 20000 18900 APP
                V-REVERSED S-REVERSED 20260204100000 reverses R-REVERSED 20000
                V-REVERSED S-REVERSED 20260204100000 reverses R-REVERSED 5000
                """),
            ],
            says={
                "choose R-CONF recharge_20260131_0001.txt 9": "UNKNOWN_ROW",
                "choose R-ONE recharge_20260131_0001.txt 1": "NO_CONFLICT",
                "choose R-CONF recharge_20260131_0001.txt 8": "",
                "choose R-LIMIT-2 recharge_20260131_0001.txt 12": "",
                "choose R-LIMIT-2 recharge_20260131_0001.txt 12 ": "ALREADY_SAID",
            },
            # 4.10: decided as if it had come today: R-LIMIT-1 keeps the place that it took in an earlier run
            decided="""
            R-CONF|GRANTED||MATCH|1200|1200
            R-LIMIT-2|LIMIT||NOT_ENTITLED|0|500
            """,
            out={
                # S-AFTER's waits for a person; a reversal in conflict does not count yet
                "credit": """
                    conf|S-CONF|13000000008|400|INSTALMENT|1|6|R-CONF
                    eleven|S-ELEVEN|13000000002|400|INSTALMENT|1|6|R-ELEVEN
                    forty|S-FORTY|13000000004|400|INSTALMENT|1|6|R-FORTY
                    one|S-ONE|13000000001|400|INSTALMENT|1|6|R-ONE
                    reversed|S-REVERSED|13000000005|400|INSTALMENT|1|6|R-REVERSED
                    susp|S-SUSP|13000000006|400|INSTALMENT|1|6|R-SUSP
                    thirty|S-THIRTY|13000000003|400|INSTALMENT|1|6|R-THIRTY
                """,
            },
            answers={"credit": SILENT},
        ),
        Day(
            "20260205",
            proves="interface, answers: what is unanswered is sent again only by an override, with its keys",
            arrives=[
                subscribers(FEB05),
                # frees the place; the next in order is R-LIMIT-2, whose row was chosen
                recharges("V-LIMIT S-LIMIT 20260205100000 reverses R-LIMIT-1 10000"),
            ],
            says={
                "ask-again credit_lyh2026_20260203_0001": "UNKNOWN_FILE",
                "ask-again eligibility_lyh2026_20260125_0001": "NOT_OPEN",
                "give-up credit_lyh2026_20260204_0001 --row nobody": "UNKNOWN_ROW",
                "choose R-AFTER recharge_20260204_0001.txt 1": "SETTLED",
                "choose R-CONF recharge_20260131_0001.txt 7": "CHOSEN",
                "ask-again credit_lyh2026_20260204_0001": "",
                "give-up data_grant_lyh2026_20260125_0001 --row gift-S-GIVEN": "",
                "choose R-AFTER recharge_20260131_0001.txt 9": "",
                "choose V-REVERSED recharge_20260204_0001.txt 3": "",
            },
            decided="R-LIMIT-2|GRANTED||MATCH|500|500",
            out={
                # the same keys; not S-SUSP, who is suspended, nor S-REVERSED: asking must not pay what is reversed
                "credit": """
                    after|S-AFTER|13000000009|400|INSTALMENT|1|6|R-AFTER
                    conf|S-CONF|13000000008|400|INSTALMENT|1|6|R-CONF
                    eleven|S-ELEVEN|13000000002|400|INSTALMENT|1|6|R-ELEVEN
                    forty|S-FORTY|13000000004|400|INSTALMENT|1|6|R-FORTY
                    one|S-ONE|13000000001|400|INSTALMENT|1|6|R-ONE
                    thirty|S-THIRTY|13000000003|400|INSTALMENT|1|6|R-THIRTY
                """,
            },
            answers={"credit": SILENT},
            facts=[
                costs("B1", "ten gifts promised, one given up", "2250|0"),
                Fact(
                    "the ledger names who gave up, and why",
                    "select subscriber_id, benefit, amount_fen, committed_fen, actual_fen, reason"
                    " from ledger.ledger_entries where entry_type = 'given_up'",
                    f"S-GIVEN|DATA_GIFT|250|-250|0|{WHO}: {WHY}",
                ),
                unanswered("DATA_GIFT|2026-01-25|11|9|2250\nRECHARGE_BONUS|2026-02-04|1|7|2800"),
                # R-REVERSED: its second to sixth instalment are cancelled, the first is sent and waits for its answer
                liability("2026-01|0|16800|0|0|0|0|0|16800\n2026-02|16800|2400|0|0|2000|0|0|17200"),
            ],
        ),
        Day(
            "20260206",
            proves="rules 4.7: an instalment reversed while unanswered is clawed back once it is accepted",
            arrives=[subscribers(FEB05)],
            # both late; the gift that was given up was set up after all
            late={
                ("credit", "20260204"): FIRST_ANSWER,
                ("data_grant", "20260125"): Answer(),
            },
            says={"ask-again credit_lyh2026_20260204_0001": "NOT_OPEN", "give-up x_1 --row one": "UNKNOWN_ROW"},
            out={"credit": "reversed.back|S-REVERSED|13000000005|400|CLAWBACK|1|6|R-REVERSED"},
            facts=[
                costs("B1", "what was paid is cost, and nothing is committed any more", "0|2500"),
                excepted("paid after it had been given up", "S-GIVEN S-ONE", "S-GIVEN"),
                # refused in the first file says nothing while the second is under way
                lives(
                    "refused in one file, unanswered in the next",
                    "S-ELEVEN",
                    """
                    data_grant_lyh2026_20260125_0001|ACCEPTED|2026-02-06||||False
                    credit_lyh2026_20260204_0001|ASKED_AGAIN|2026-02-06|11|张三|credit_lyh2026_20260205_0002|False
                    credit_lyh2026_20260205_0002|UNANSWERED|||||True
                    """,
                ),
                unanswered("RECHARGE_BONUS|2026-02-05|1|6|2400"),
            ],
        ),
        Day(
            "20260207",
            proves="interface, answers: accepted twice is credited once, and the first answer stands",
            arrives=[subscribers(FEB05)],
            # the second file: accepted before (20), refused again, and accepted at last. The first one is answered once
            # more, otherwise: the first answer stands
            late={
                ("credit", "20260205"): Answer({"S-ONE": "20", "S-CONF": "20", "S-THIRTY": "30", "S-FORTY": "30"}),
                ("credit", "20260204"): Answer(),
            },
            facts=[
                Fact(
                    "each credited once, however often it was accepted",
                    "select subscriber_id, source_file, booked_on from ledger.ledger_entries"
                    " where entry_type = 'credited'",
                    """
                    S-ONE|credit_lyh2026_20260204_0001|2026-02-06
                    S-CONF|credit_lyh2026_20260204_0001|2026-02-06
                    S-REVERSED|credit_lyh2026_20260204_0001|2026-02-06
                    S-SUSP|credit_lyh2026_20260204_0001|2026-02-06
                    S-ELEVEN|credit_lyh2026_20260205_0002|2026-02-07
                    S-AFTER|credit_lyh2026_20260205_0001|2026-02-07
                    """,
                ),
                Fact(
                    "an answer that contradicts the first is for people",
                    "select source_file, left(detail, 11) from marts.exceptions "
                    " where exception_type = 'ANSWER_SET_ASIDE'",
                    "credit_lyh2026_20260204_0001|CONTRADICTS",
                ),
                unanswered(""),
            ],
        ),
        Day(
            "20260208",
            proves="rules 4.7: a rejected instalment is sent again under the same key",
            arrives=[subscribers(FEB05)],
            says={
                "ask-again credit_lyh2026_20260205_0002": "NOT_OPEN",
                "ask-again credit_lyh2026_20260205_0002 --row eleven": "NOT_OPEN",
                "ask-again credit_lyh2026_20260205_0002 --row thirty": "",
                "give-up credit_lyh2026_20260205_0002 --row forty": "",
            },
            # 4.7: a rejected one is sent again under the same key after the cause is mended
            out={"credit": "thirty|S-THIRTY|13000000003|400|INSTALMENT|1|6|R-THIRTY"},
        ),
        Day(
            "20260209",
            proves="rules 10.2: opening, promised, credited, cancelled, given up and clawed back close to the fen",
            arrives=[subscribers(FEB05)],
            facts=[
                # January: seven bonuses of 2400. February: R-CONF's 2400 promised; credited ONE, CONF, REVERSED, SUSP,
                # ELEVEN, AFTER, THIRTY 7 x 400; cancelled R-REVERSED 2000 + 400, which was clawed back; FORTY given up
                liability("2026-01|0|16800|0|0|0|0|0|16800\n2026-02|16800|2400|2800|0|2400|400|400|14000"),
                unanswered(""),
                lives(
                    "given up",
                    "S-FORTY",
                    """
                    data_grant_lyh2026_20260125_0001|ACCEPTED|2026-02-06||||False
                    credit_lyh2026_20260204_0001|ASKED_AGAIN|2026-02-06|30|张三|credit_lyh2026_20260205_0002|False
                    credit_lyh2026_20260205_0002|GIVEN_UP|2026-02-07|30|张三||False
                    """,
                ),
            ],
        ),
    ],
    aside=frozenset({"eligibility", "sms"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_a_rebuild_books_every_late_answer_and_every_override_on_its_day(
    play: Play, new_warehouse: Callable[[], str], tmp_path: Path
) -> None:
    play.reach(STORY.days[-1])
    # what the carrier has written over has to be put back first
    play.carrier.answer("credit", "20260204", FIRST_ANSWER)
    # what came after the last run of the old warehouse is for the next date, not for an earlier one
    play.carrier.deliver(recharges("R-NEW S-GIVEN 20260201100000 20000 18800 APP"), "20260201")
    rebuilt = again(STORY, new_warehouse(), play, tmp_path)
    assert rebuilt.carrier.out_bytes() == play.carrier.out_bytes()
    assert rebuilt.ledger() == play.ledger()
    assert rebuilt.query("select file_name, received_on from raw.manual_override order by file_name") == play.query(
        "select file_name, received_on from raw.manual_override order by file_name"
    )
