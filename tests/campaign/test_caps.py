"""Rules 10: a line of the budget with a hard cap; who finds no room waits, and is given in order when money is freed.

The campaign runs from 30 January to 31 March 2026. Line B2 has 8000 fen: a recharge of 200 yuan asks for 1200 + 2400 =
3600 as a whole, one of 100 yuan for 500. Line B1 has 120 fen, a gift of a GB costs 50: two of three are given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import (
    Day,
    Fact,
    Play,
    Story,
    close,
    costs,
    excepted,
    people,
    recharges,
    subscribers,
    terms,
)

WHO = people("""
S-A 01
S-B 02
S-C 03
""")
GIFT = {"months": 1, "megabytes": 1024, "product_code": "GIFT", "unit_price_fen_per_gb": 50}
CAPPED = terms("2026-01-30", "2026-03-31", {"data_gift": GIFT, "caps": {"B1": 120, "B2": 8000}})

STORY = Story(
    "capped lines",
    CAPPED,
    aside=frozenset({"sms", "eligibility"}),
    days=[
        Day(
            "20260129",
            proves="rules 10.1: a gift that would pass the cap goes on the waiting list",
            arrives=[subscribers(WHO)],
            out={
                "data_grant": "gift-A|S-A|13000000001|GIFT|1024|20260130|20260131\n"
                "gift-B|S-B|13000000002|GIFT|1024|20260130|20260131",
            },
            facts=[
                costs("B1", "two gifts, and 20 fen that are too few for a third", "100|0"),
                Fact(
                    "who waits", "select subscriber_id, budget_line, amount_fen from ledger.waiting_list", "S-C|B1|50"
                ),
                excepted("who waits is told to people", "S-A S-B S-C", "S-C"),
            ],
        ),
        Day(
            "20260130",
            proves="rules 10.1: a recharge for which there is no room waits, a smaller one after it is granted",
            arrives=[
                subscribers(WHO),
                # in the order of time: twice 3600 of 8000 leave 800, too few for R-3, enough for R-4; then 300 are left
                recharges("""
                    R-3 S-C 20260130120000 20000 18800 APP
                    R-1 S-A 20260130100000 20000 18800 APP
                    R-2 S-B 20260130110000 20000 18800 APP
                    R-4 S-A 20260130130000 10000  9500 APP
                    R-5 S-B 20260130140000 10000  9500 APP
                """),
            ],
            facts=[
                Fact(
                    "who waits",
                    "select claim_id, amount_fen, funded_on from ledger.waiting_list where budget_line = 'B2'",
                    "R-3|3600|\nR-5|500|",
                ),
                costs("B2", "what found room: discounts 12 + 12 + 5 yuan, bonuses 24 + 24", "4800|2900"),
                Fact(
                    "what is owed counts nobody who waits",
                    "select sum(promised_fen) from marts.liability_by_month",
                    "4800",
                ),
                Fact(
                    "nor does who waits take part",
                    "select sum(participations) from marts.participation_by_day where benefit = 'RECHARGE_DISCOUNT'",
                    "3",
                ),
                Fact(
                    "the reason",
                    "select item_key in (select grant_key from ledger.waiting_list), left(detail, 3)"
                    " from marts.exceptions where exception_type = 'WAITING_FOR_BUDGET' and amount_fen = 3600",
                    "True|CAP",
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 10.1: what a reversal frees is not spent in the same run",
            # R-1 is reversed: 3600 are free once this run is released
            arrives=[subscribers(WHO), recharges("V-1 S-A 20260131090000 reverses R-1 20000")],
            facts=[
                costs("B2", "without R-1", "2400|1700"),
                Fact("nobody yet", "select count(*) from ledger.waiting_list where funded_on is not null", "0"),
            ],
        ),
        Day(
            "20260201",
            proves="rules 10.1: freed money goes to the waiting list in order, before new recharges",
            # 8000 - 4100 = 3900: R-3, which is first, asks for 3600; R-5 finds 300 left
            arrives=[subscribers(WHO), recharges("R-6 S-C 20260201080000 10000 9500 APP")],
            facts=[
                Fact(
                    "given in order, before what comes later",
                    "select claim_id, funded_on from ledger.waiting_list where budget_line = 'B2'",
                    "R-3|2026-02-01\nR-5|\nR-6|",
                ),
                costs("B2", "with R-3", "4800|2900"),
                Fact(
                    "its bonus is promised now, under its own terms",
                    "select count(*), sum(amount_fen), min(due_on) from ledger.credit_obligations"
                    " where recharge_id = 'R-3' and business_date = {on}",
                    "6|2400|2026-02-05",
                ),
                Fact(
                    "booked in the month of the giving, with the day of the recharge",
                    "select event_on, booked_on from ledger.ledger_entries where benefit = 'RECHARGE_DISCOUNT'"
                    " and amount_fen = 1200 and booked_on = {on}",
                    "2026-01-30|2026-02-01",
                ),
                Fact(
                    "a gift of January is of no use in February: it waits no longer",
                    "select count(*) from marts.exceptions where exception_type = 'WAITING_FOR_BUDGET'"
                    " and subscriber_id = 'S-C' and amount_fen = 50",
                    "0",
                ),
            ],
        ),
        Day(
            "20260202",
            proves="rules 10.1: a recharge reversed while it waits leaves the list and is given nothing",
            arrives=[subscribers(WHO), recharges("V-5 S-B 20260202090000 reverses R-5 10000")],
            facts=[
                Fact(
                    "who waited and who waits",
                    "select claim_id, funded_on, withdrawn_on from ledger.waiting_list where budget_line = 'B2'",
                    "R-3|2026-02-01|\nR-5||2026-02-02\nR-6||",
                ),
                Fact(
                    "who waits is told to people",
                    "select substring(detail from 'R-[0-9]') from marts.exceptions"
                    " where exception_type = 'WAITING_FOR_BUDGET'",
                    "R-6",
                ),
                Fact(
                    "why",
                    "select subject_id, outcome, reason from ledger.reasons where rule = 'DECISION'"
                    " and subject_id in ('R-5', 'R-6')",
                    "R-5|WITHDRAWN|CAP\nR-6|WAITING|CAP",
                ),
                costs("B2", "nothing was given to R-5, nothing is taken from it", "4800|2900"),
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


def test_a_day_run_again_gives_nothing_more(play: Play) -> None:
    play.reach(STORY.days[-1])
    before, files = play.ledger(), play.carrier.out_bytes()
    close(play.settings, STORY.days[-1].closes)
    assert play.ledger() == before
    assert play.carrier.out_bytes() == files


def test_two_runs_at_once_spend_no_yuan_twice(tmp_path: Path, new_warehouse: Callable[[], str]) -> None:
    # two dates, each with a recharge that would fill the cap alone, closed by two runs that begin together
    story = Story(
        "two runs at once",
        terms("2026-01-30", "2026-03-31", {"data_gift": None, "caps": {"B2": 4000}}),
        days=[
            Day(
                "20260129",
                proves="set-up: the subscribers are known before two runs begin at once",
                arrives=[subscribers(WHO)],
            )
        ],
        aside=frozenset({"sms", "eligibility"}),
    )
    play = Play(story, tmp_path, new_warehouse())
    play.reach(story.days[0])
    for number, on in enumerate(("20260130", "20260131"), start=1):
        play.carrier.deliver(subscribers(WHO), on)
        play.carrier.deliver(recharges(f"R-{number} S-{'AB'[number - 1]} {on}100000 20000 18800 APP"), on)
    together = threading.Barrier(2)
    failures: list[str] = []

    def run(on: str) -> None:
        together.wait()
        try:
            close(play.settings, on)
        except Exception as error:  # noqa: BLE001 - a run may be turned away: it is begun again below
            failures.append(f"{on}: {error}")

    runs = [threading.Thread(target=run, args=(on,)) for on in ("20260130", "20260131")]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    # whichever came first: a date that was overtaken is not begun any more, its files went into the later one
    ((released,),) = play.query(
        "select to_char(max(business_date), 'YYYYMMDD') from raw.run where attempts_released > 0"
    )
    for on in ("20260130", "20260131"):
        if on > str(released):
            close(play.settings, on)
    spent = play.query(
        "select sum(committed_fen + actual_fen), max(committed_fen + actual_fen) from marts.budget_by_line_month"
        " where budget_line = 'B2'"
    )
    assert spent == [(3600, 3600)], failures
    assert play.query("select count(*) from ledger.waiting_list where funded_on is null") == [(1,)]
