"""Rule 4.6 and 4.7, rule 10: the life of an instalment, the liability and the budget, to the fen.

The campaign runs from 26 January to 10 February 2026. Everybody recharges on 31 January, and instalments fall due on
the recharge's own day, each counted from it: 28 February, 31 March, 30 April ... 31 August. The 200 yuan's bonus of
24.00 comes in 7 instalments (six of 342 and one of 348), the 300 yuan's of 50.00 in 2 of 2500. Held ones are paid
within 10 days of the due day (until 10 March), late recharges honoured for 60 days (until 11 April).

A gift is 1000 MB at 50 fen a GB: 48.83, so 49 fen each. A segment costs 4 fen.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import (
    ANYTHING,
    SILENT,
    Answer,
    Day,
    Fact,
    File,
    Play,
    Story,
    but,
    costs,
    people,
    recharges,
    subscribers,
    terms,
)

GIFT = "【中国联通】流量已到账。"
ARRIVED = "【中国联通】老友惠第1/2期25.00元已到账。"

JAN = people("""
S-RUN     01
S-PAID    02
S-EDGE    03
S-LOST    04
S-ABSENT  05
S-CLOSED  06
S-PORTED  07
S-CHANGED 08
S-LATE    09
S-SLOW    10
S-NEVER   11
S-RETRY   12
S-TWENTY  13
""")
FEB20 = but(
    JAN,
    """
    S-CLOSED  status=C status_date=20260220
    S-PORTED  status=P status_date=20260220
    # only being active counts for an instalment once promised; the credit goes to the number of today
    S-CHANGED segment=BUSINESS real_name=N activation_date=20250101 msisdn=13900000008
    """,
)
FEB27 = but(
    FEB20,
    """
    S-PAID   status=S status_date=20260227
    S-EDGE   status=S status_date=20260227
    S-LOST   status=S status_date=20260227
    S-ABSENT gone
    """,
)
MAR05 = but(FEB27, "S-PAID status=A status_date=20260305") | {"S-ABSENT": JAN["S-ABSENT"]}
MAR10 = but(MAR05, "S-EDGE status=A status_date=20260310")
MAR30 = but(MAR10, "S-LOST status=A status_date=20260311")


def liability(rows: str) -> Fact:
    return Fact(
        "liability of unpaid instalments: month, opening, promised, credited, forfeited, closing",
        "select left(month::text, 7), opening_fen, promised_fen, credited_fen, forfeited_fen, closing_fen"
        " from marts.liability_by_month"
        " where left(month::text, 7) in ('2026-01', '2026-02', '2026-03', '2026-04', '2026-08')",
        rows,
    )


def budget(rows: str) -> Fact:
    return Fact(
        "budget over all months: line, plan, committed, actual",
        "select budget_line, sum(plan_fen), sum(committed_fen), sum(actual_fen) from marts.budget_by_line_month"
        " where budget_line in ('B1', 'B2', 'B5.1', 'B7', 'B8') group by budget_line",
        rows,
    )


STORY = Story(
    "instalments",
    terms("2026-01-26", "2026-02-10", {
        "data_gift": {"months": 1, "megabytes": 1000},
        "recharge": {
            "tiers": [
                {"face_fen": 10000, "discount_fen": 500},
                {"face_fen": 20000, "discount_fen": 1200, "bonus_fen": 2400, "instalments": 7},
                {"face_fen": 30000, "discount_fen": 2000, "bonus_fen": 5000, "instalments": 2},
            ],
            "instalment_day": None,
            "hold_days": 10,
            "late_days": 60,
        },
        "messages": {"templates": [
            {"code": "GIFT_ARRIVED", "class": "service", "event": "data_gift", "text": GIFT},
            {"code": "INSTALMENT_ARRIVED", "class": "service", "event": "instalment",
             "text": "【中国联通】老友惠第{instalment_no}/{instalments}期{yuan}元已到账。"},
        ]},
    }) | {"budget": [
        {"line": "B1", "month": "2026-01", "plan_fen": 1000},
        {"line": "B2", "month": "2026-01", "plan_fen": 50000},
        {"line": "B2", "month": "2026-02", "plan_fen": 10000},
        {"line": "B5.1", "month": "2026-01", "plan_fen": 100},
        {"line": "B7", "month": "2026-01", "plan_fen": 200000},
    ]},
    [
        # thirteen gifts of 49 fen: 637, rounded once for each grant (13 x 48.83 would be 635)
        Day(
            "20260125",
            proves="rules 3: the cost of gifts is rounded once for each grant",
            arrives=[subscribers(JAN)],
            out={"data_grant": ANYTHING},
            facts=[costs("B1", "promised, not accepted yet", "637|0")],
        ),
        Day(
            "20260126",
            proves="rules 3: an accepted gift is actual cost, and only then its notice goes out",
            arrives=[subscribers(JAN)],
            out={
                "sms": "\n".join(
                    f"gift{n:02}|130000000{n:02}|GIFT_ARRIVED|20260127080000|20260127200000|1|{GIFT}"
                    for n in range(1, 14)
                ),
            },
            facts=[costs("B1", "accepted", "0|637"), costs("B5.1", "13 segments of 4 fen, no answer read yet", "52|0")],
        ),
        Day(
            "20260131",
            proves="rules 4.6, 10.2: the whole bonus is committed, and owed, on the day it is promised",
            arrives=[
                subscribers(JAN),
                recharges("""
                R-RUN     S-RUN     20260131100000 20000 18800 APP
                R-PAID    S-PAID    20260131100000 30000 28000 APP
                R-EDGE    S-EDGE    20260131100000 30000 28000 APP
                R-LOST    S-LOST    20260131100000 30000 28000 APP
                R-ABSENT  S-ABSENT  20260131100000 30000 28000 APP
                R-CLOSED  S-CLOSED  20260131100000 30000 28000 APP
                R-PORTED  S-PORTED  20260131100000 30000 28000 APP
                R-CHANGED S-CHANGED 20260131100000 30000 28000 APP
                R-SLOW    S-SLOW    20260131100000 30000 28000 APP
                R-NEVER   S-NEVER   20260131100000 30000 28000 APP
                R-RETRY   S-RETRY   20260131100000 30000 28000 APP
                R-TWENTY  S-TWENTY  20260131100000 30000 28000 APP
                """),
                File("expense", ["E-1|20260131|B7|1234.50|营业厅培训", "E-2|20260131|B8|9.90|快递费"]),
            ],
            facts=[
                # 2400 + 11 x 5000, committed in full on the day it is promised
                liability("2026-01|0|57400|0|0|57400"),
                # B1 and B5.1: accepted. B2: the discounts 1200 + 11 x 2000 are given. B7: 1234.50 yuan
                budget("B1|1000|0|637\nB2|60000|57400|23200\nB5.1|100|0|52\nB7|200000|0|123450\nB8|0|0|990"),
            ],
        ),
        Day(
            "20260220",
            proves="rules 4.7: who closes or ports out forfeits all that is unpaid, in the run that sees it first",
            arrives=[subscribers(FEB20)],
            facts=[
                liability("2026-01|0|57400|0|0|57400\n2026-02|57400|0|0|10000|47400"),
                budget("B1|1000|0|637\nB2|60000|47400|23200\nB5.1|100|0|52\nB7|200000|0|123450\nB8|0|0|990"),
            ],
        ),
        # 4.6: 31 January -> 28 February; sent in the run that closes the day before
        Day(
            "20260227",
            proves="rules 4.6, 4.7: 31 January's instalment falls due on 28 February, of the suspended it is held",
            arrives=[subscribers(FEB27)],
            out={
                # suspended ones and the absent one are held
                "credit": """
                    changed.1|S-CHANGED|13900000008|2500|INSTALMENT|1|2|R-CHANGED
                    never.1|S-NEVER|13000000011|2500|INSTALMENT|1|2|R-NEVER
                    retry.1|S-RETRY|13000000012|2500|INSTALMENT|1|2|R-RETRY
                    run.1|S-RUN|13000000001|342|INSTALMENT|1|7|R-RUN
                    slow.1|S-SLOW|13000000010|2500|INSTALMENT|1|2|R-SLOW
                    twenty.1|S-TWENTY|13000000013|2500|INSTALMENT|1|2|R-TWENTY
                """,
            },
            answers={"credit": SILENT},
        ),
        Day(
            "20260305",
            proves="rules 4.7: what was held is paid on resuming, what is unanswered waits for its answer",
            arrives=[
                subscribers(MAR05),
                # both reversed while their first instalment is sent and unanswered: it waits; the second is cancelled
                recharges("""
                V-SLOW  S-SLOW  20260305090000 reverses R-SLOW 30000
                V-NEVER S-NEVER 20260305090000 reverses R-NEVER 30000
                """),
            ],
            out={
                # resumed (or back in the delivery) within 10 days of 28 February; what is unanswered is not sent again
                "credit": """
                    absent.1|S-ABSENT|13000000005|2500|INSTALMENT|1|2|R-ABSENT
                    paid.1|S-PAID|13000000002|2500|INSTALMENT|1|2|R-PAID
                """,
            },
        ),
        Day(
            "20260310",
            proves="rules 4.7: once answered, an instalment is clawed back, cancelled, sent again or credited",
            arrives=[subscribers(MAR10)],
            late={("credit", "20260227"): Answer({"S-NEVER": "11", "S-RETRY": "90", "S-TWENTY": "20"})},
            out={
                # S-EDGE: active at the close of 28 February + 10 days. S-SLOW was credited after all: taken back.
                # S-NEVER was refused: cancelled. S-RETRY: again, under the same key. S-TWENTY: accepted before
                "credit": """
                    edge.1|S-EDGE|13000000003|2500|INSTALMENT|1|2|R-EDGE
                    retry.1|S-RETRY|13000000012|2500|INSTALMENT|1|2|R-RETRY
                    slow.1.back|S-SLOW|13000000010|2500|CLAWBACK|1|2|R-SLOW
                """,
                "sms": ANYTHING,  # left open: whether S-SLOW, credited and taken back in one run, is told of it
            },
        ),
        # 31 March. S-LOST resumed on 11 March, a day too late for its first instalment, which is forfeited
        Day(
            "20260330",
            proves="rules 4.6, 10.2: the second instalment falls due on 31 March, and the liability adds up",
            arrives=[subscribers(MAR30)],
            out={
                "credit": """
                    absent.2|S-ABSENT|13000000005|2500|INSTALMENT|2|2|R-ABSENT
                    changed.2|S-CHANGED|13900000008|2500|INSTALMENT|2|2|R-CHANGED
                    edge.2|S-EDGE|13000000003|2500|INSTALMENT|2|2|R-EDGE
                    lost.2|S-LOST|13000000004|2500|INSTALMENT|2|2|R-LOST
                    paid.2|S-PAID|13000000002|2500|INSTALMENT|2|2|R-PAID
                    retry.2|S-RETRY|13000000012|2500|INSTALMENT|2|2|R-RETRY
                    run.2|S-RUN|13000000001|342|INSTALMENT|2|7|R-RUN
                    twenty.2|S-TWENTY|13000000013|2500|INSTALMENT|2|2|R-TWENTY
                """,
                "sms": f"""
                    edge.1.sms|13000000003|INSTALMENT_ARRIVED|20260331080000|20260331200000|1|{ARRIVED}
                    retry.1.sms|13000000012|INSTALMENT_ARRIVED|20260331080000|20260331200000|1|{ARRIVED}
                """,
            },
            facts=[
                # March: credited S-RUN 342 and CHANGED, SLOW, TWENTY, PAID, ABSENT, RETRY, EDGE 7 x 2500; forfeited
                # S-LOST 2500; cancelled SLOW's second and both of NEVER. Left: S-RUN 2058, seven second instalments
                # 17500
                liability(
                    "2026-01|0|57400|0|0|57400\n2026-02|57400|0|0|10000|47400\n2026-03|47400|0|17842|2500|19558"
                ),
                # actual: discounts 23200 - 2 x 2000 reversed; credited 17842, of which SLOW's 2500 is taken back
                costs("B2", "the unpaid 19558 are committed", "19558|34542"),
            ],
        ),
        # 4.9, 4.6: honoured until 11 April; promised after its first two due days: both go out in the run that
        # promises it
        Day(
            "20260405",
            proves="rules 4.6, 4.9: a late recharge is honoured, and what is past due goes out at once",
            arrives=[subscribers(MAR30), recharges("R-LATE S-LATE 20260131235959 20000 18800 APP")],
            out={
                "credit": """
                    late.1|S-LATE|13000000009|342|INSTALMENT|1|7|R-LATE
                    late.2|S-LATE|13000000009|342|INSTALMENT|2|7|R-LATE
                """,
                "sms": ANYTHING,
            },
            decided="R-LATE|GRANTED||MATCH|1200|1200",
        ),
        # schedules outlive the campaign; the days between were not run: what fell due meanwhile goes out now. The odd
        # fen come last
        Day(
            "20260830",
            proves="rules 4.6, 4.7: schedules outlive the campaign, and the odd fen go to the last instalment",
            arrives=[subscribers(MAR30)],
            out={
                "credit": """
                    late.3|S-LATE|13000000009|342|INSTALMENT|3|7|R-LATE
                    late.4|S-LATE|13000000009|342|INSTALMENT|4|7|R-LATE
                    late.5|S-LATE|13000000009|342|INSTALMENT|5|7|R-LATE
                    late.6|S-LATE|13000000009|342|INSTALMENT|6|7|R-LATE
                    late.7|S-LATE|13000000009|348|INSTALMENT|7|7|R-LATE
                    run.3|S-RUN|13000000001|342|INSTALMENT|3|7|R-RUN
                    run.4|S-RUN|13000000001|342|INSTALMENT|4|7|R-RUN
                    run.5|S-RUN|13000000001|342|INSTALMENT|5|7|R-RUN
                    run.6|S-RUN|13000000001|342|INSTALMENT|6|7|R-RUN
                    run.7|S-RUN|13000000001|348|INSTALMENT|7|7|R-RUN
                """,
                "sms": ANYTHING,
            },
        ),
        Day(
            "20260831",
            proves="rules 10.2: the liability closes at zero when the last instalment is credited",
            arrives=[subscribers(MAR30)],
            out={"sms": ANYTHING},
            facts=[
                # April: promised S-LATE 2400, credited 342 + 7 x 2500. August: credited 2 x 342, then 10 instalments
                # of 3432
                liability("""
                    2026-01|0|57400|0|0|57400
                    2026-02|57400|0|0|10000|47400
                    2026-03|47400|0|17842|2500|19558
                    2026-04|19558|2400|17842|0|4116
                    2026-08|4116|0|4116|0|0
                """),
                # discounts: 11 - 2 of 2000 and 2 of 1200: 20400; bonuses: RUN, LATE 2 x 2400, PAID, EDGE, ABSENT,
                # CHANGED, RETRY, TWENTY 6 x 5000, LOST 2500: 37300
                costs("B2", "nothing promised, 20400 + 37300 paid", "0|57700"),
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
