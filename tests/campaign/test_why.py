"""Rule 1.4: why. For a subscriber and a date or a recharge, each rule in order, its input and its outcome.

The campaign runs from 30 January to 31 March 2026. Line B2 has 5000 fen: the first recharge of 200 yuan asks for
1200 + 2400, the second one of another subscriber finds too little left. One family number is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest
from tests.campaign.harness import (
    Day,
    Fact,
    File,
    Play,
    Story,
    but,
    people,
    recharges,
    subscribers,
    terms,
)

from laoyouhui_local import why
from laoyouhui_local.workspace import UsageError

WHO = people("""
S-OLD   01
S-TWO   02 status=S activation_date=20240110
S-CAP   03
F-ONE   04 activation_date=20250101
""")
TERMS = terms(
    "2026-01-30",
    "2026-03-31",
    {
        "family_numbers": {"limit": 1, "exclusive": False},
        "caps": {"B2": 5000},
        "data_gift": {"months": 2, "megabytes": 1024, "product_code": "GIFT", "unit_price_fen_per_gb": 50},
    },
)


def judged(what: str, who: str, subject: str, subject_id: str | None, on: str, rows: str) -> Fact:
    """One judgement: step, number of the rule, rule, outcome, reason, input; in this order."""
    which = "is null" if subject_id is None else f"= '{subject_id}'"
    return Fact(
        f"{what} (step|rules|rule|outcome|reason|input)",
        "select step_no, rule_no, rule, outcome, reason, input from ledger.reasons"
        f" where subscriber_id = '{who}' and subject = '{subject}' and subject_id {which} and event_on = '{on}'",
        rows,
    )


STORY = Story(
    "why",
    TERMS,
    aside=frozenset({"sms", "eligibility", "data_grant", "credit", "family_link"}),
    days=[
        Day("20260129", proves="set-up: the subscribers are known", arrives=[subscribers(WHO)]),
        Day(
            "20260130",
            proves="rules 1.4: each rule is shown in order with its input and outcome, from which row of which file",
            arrives=[
                subscribers(WHO),
                recharges("""
                    R-1 S-OLD  20260130100000 20000 18800 APP
                    R-2 S-OLD  20260130120000 20000 18800 APP
                    R-3 S-CAP  20260130130000 20000 18800 APP
                    R-4 S-TWO  20260130140000 10000 9500  APP
                    R-5 S-NONE 20260130150000 10000 9500  APP
                """),
                File(
                    "family_request",
                    [
                        f"Q-1|S-OLD|20260130090000|ADD|{WHO['F-ONE']['msisdn']}|APP|",
                        f"Q-2|S-OLD|20260130090100|ADD|{WHO['S-CAP']['msisdn']}|APP|",
                    ],
                ),
            ],
            facts=[
                judged(
                    "eligible", "S-OLD", "ELIGIBILITY", None, "2026-01-30",
                    """
                    1|2|UNKNOWN|passed||in snapshot of subscribers
                    2|2|BAD_DATE|passed||activation_date 2010-06-01, from 1994-07-19 to 2026-01-30 allowed
                    3|2|NOT_ACTIVE|passed||status A, A needed
                    4|2|SEGMENT|passed||segment CONSUMER, one of ["CONSUMER"] needed
                    5|2|NOT_VERIFIED|passed||real_name Y, Y needed
                    6|2|SECONDARY|passed||card_role MAIN, main_card_only true
                    7|2|TENURE|passed||activation_date 2010-06-01, 5 years needed by 2026-01-30
                    8|2|PORTED_IN|passed||never ported in
                    9|2|OWNER_CHANGED|passed||never changed hands
                    10|2|HOLDOUT|passed||customer C01 is not in the control group
                    11|2|DECISION|ELIGIBLE|ELIGIBLE|
                    """,
                ),
                judged(
                    "two reasons: the first is the reason, both are kept",
                    "S-TWO", "ELIGIBILITY", None, "2026-01-30",
                    """
                    1|2|UNKNOWN|passed||in snapshot of subscribers
                    2|2|BAD_DATE|passed||activation_date 2024-01-10, from 1994-07-19 to 2026-01-30 allowed
                    3|2|NOT_ACTIVE|failed||status S, A needed
                    4|2|SEGMENT|passed||segment CONSUMER, one of ["CONSUMER"] needed
                    5|2|NOT_VERIFIED|passed||real_name Y, Y needed
                    6|2|SECONDARY|passed||card_role MAIN, main_card_only true
                    7|2|TENURE|failed||activation_date 2024-01-10, 5 years needed by 2026-01-30
                    8|2|PORTED_IN|passed||never ported in
                    9|2|OWNER_CHANGED|passed||never changed hands
                    10|2|HOLDOUT|passed||customer C02 is not in the control group
                    11|2|DECISION|NOT ELIGIBLE|NOT_ACTIVE|NOT_ACTIVE, TENURE
                    """,
                ),
                judged(
                    "granted", "S-OLD", "RECHARGE", "R-1", "2026-01-30",
                    """
                    1|4.10|CONFLICT|passed||rows of R-1 with other content
                    2|4.3|WINDOW|passed||recharged 2026-01-30 10:00:00, campaign 2026-01-30 to 2026-03-31
                    3|4.9|LATE|passed||in recharge_20260130_0001.txt, honoured until 2026-04-10
                    4|4.1|TIER|passed||face 200.00 yuan, tier 200.00 (exact)
                    5|4.2|CHANNEL|passed||APP
                    6|4.3|NOT_ELIGIBLE|passed||qualifies
                    7|4.8|REVERSED|passed||no reversal seen by 2026-01-30
                    8|1.9|EXCLUSIVE|passed||granted by no other campaign
                    9|4.4|LIMIT|passed||in 2026-01, tier 200.00: 1 allowed, none taken
                    10|10|CAP|passed||asks 36.00 yuan of B2
                    11|4.5|DECISION|GRANTED|GRANTED|entitled to 12.00 yuan, 12.00 applied: MATCH, bonus 24.00 in 6
                    """,
                ),
                judged(
                    "refused: R-1 has the month's place", "S-OLD", "RECHARGE", "R-2", "2026-01-30",
                    """
                    1|4.10|CONFLICT|passed||rows of R-2 with other content
                    2|4.3|WINDOW|passed||recharged 2026-01-30 12:00:00, campaign 2026-01-30 to 2026-03-31
                    3|4.9|LATE|passed||in recharge_20260130_0001.txt, honoured until 2026-04-10
                    4|4.1|TIER|passed||face 200.00 yuan, tier 200.00 (exact)
                    5|4.2|CHANNEL|passed||APP
                    6|4.3|NOT_ELIGIBLE|passed||qualifies
                    7|4.8|REVERSED|passed||no reversal seen by 2026-01-30
                    8|1.9|EXCLUSIVE|passed||granted by no other campaign
                    9|4.4|LIMIT|failed||in 2026-01, tier 200.00: 1 allowed, taken by R-1
                    10|10|CAP|not asked||asks 36.00 yuan of B2
                    11|4.5|DECISION|REFUSED|LIMIT|entitled to 0.00 yuan, 12.00 applied: NOT_ENTITLED
                    """,
                ),
                judged(
                    "waiting: 5000 - 3600 fen are too few for 3600", "S-CAP", "RECHARGE", "R-3", "2026-01-30",
                    """
                    1|4.10|CONFLICT|passed||rows of R-3 with other content
                    2|4.3|WINDOW|passed||recharged 2026-01-30 13:00:00, campaign 2026-01-30 to 2026-03-31
                    3|4.9|LATE|passed||in recharge_20260130_0001.txt, honoured until 2026-04-10
                    4|4.1|TIER|passed||face 200.00 yuan, tier 200.00 (exact)
                    5|4.2|CHANNEL|passed||APP
                    6|4.3|NOT_ELIGIBLE|passed||qualifies
                    7|4.8|REVERSED|passed||no reversal seen by 2026-01-30
                    8|1.9|EXCLUSIVE|passed||granted by no other campaign
                    9|4.4|LIMIT|passed||in 2026-01, tier 200.00: 1 allowed, none taken
                    10|10|CAP|failed||asks 36.00 yuan of B2, waits since 2026-01-30
                    11|4.5|DECISION|WAITING|CAP|entitled to 12.00 yuan, 12.00 applied: MATCH, bonus 24.00 in 6
                    """,
                ),
                judged(
                    "the one number that is allowed", "S-OLD", "FAMILY", "Q-1", "2026-01-30",
                    """
                    1|5|CONFLICT|passed||rows of Q-1 with other content
                    2|5|WINDOW|passed||asked 2026-01-30 09:00:00, campaign 2026-01-30 to 2026-03-31
                    3|5|NOT_ELIGIBLE|passed||qualifies
                    4|1.9|EXCLUSIVE|passed||approved by no other campaign
                    5|5|QUOTA|passed||1 numbers allowed
                    6|5|SELF|passed||number 13000000004 of F-ONE
                    7|5|DUPLICATE|passed||number 13000000004 in his own list
                    8|5|NOT_OURS|passed||number 13000000004 of F-ONE
                    9|5|TAKEN|passed||exclusive false, in the lists of others
                    10|5|DECISION|APPROVED|APPROVED|add number 13000000004 by APP
                    """,
                ),
                judged(
                    "no place for a second", "S-OLD", "FAMILY", "Q-2", "2026-01-30",
                    """
                    1|5|CONFLICT|passed||rows of Q-2 with other content
                    2|5|WINDOW|passed||asked 2026-01-30 09:01:00, campaign 2026-01-30 to 2026-03-31
                    3|5|NOT_ELIGIBLE|passed||qualifies
                    4|1.9|EXCLUSIVE|passed||approved by no other campaign
                    5|5|QUOTA|failed||1 numbers allowed
                    6|5|SELF|not asked||number 13000000003 of S-CAP
                    7|5|DUPLICATE|not asked||number 13000000003 in his own list
                    8|5|NOT_OURS|not asked||number 13000000003 of S-CAP
                    9|5|TAKEN|not asked||exclusive false, in the lists of others
                    10|5|DECISION|REFUSED|QUOTA|add number 13000000003 by APP
                    """,
                ),
                judged(
                    "a recharge of nobody", "S-NONE", "ELIGIBILITY", "RECHARGE R-5", "2026-01-30",
                    """
                    1|2|UNKNOWN|failed||in no snapshot of subscribers
                    2|2|BAD_DATE|not asked||
                    3|2|NOT_ACTIVE|not asked||
                    4|2|SEGMENT|not asked||
                    5|2|NOT_VERIFIED|not asked||
                    6|2|SECONDARY|not asked||
                    7|2|TENURE|not asked||
                    8|2|PORTED_IN|not asked||
                    9|2|OWNER_CHANGED|not asked||
                    10|2|HOLDOUT|not asked||
                    11|2|DECISION|NOT ELIGIBLE|UNKNOWN|UNKNOWN
                    """,
                ),
                Fact(
                    "from which row of which file, under which version, by which run",
                    "select distinct terms_version, source_file, source_line, business_date from ledger.reasons"
                    " where subject_id in ('R-2', 'RECHARGE R-4')",
                    """
                    lyh2026@2026-01-30|recharge_20260130_0001.txt|2|2026-01-30
                    lyh2026@2026-01-30|subscriber_20260129_0001.txt|2|2026-01-30
                    """,
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 1.4, 3: why January's gift was granted and February's is lost",
            # suspended as February begins: that month's gift is lost, and counts as one of the two
            arrives=[subscribers(but(WHO, "S-OLD status=S status_date=20260131"))],
            facts=[
                judged(
                    "January's gift", "S-OLD", "DATA_GIFT", "2026-01", "2026-01-30",
                    """
                    1|3|NOT_ELIGIBLE|passed||as 2026-01-30 began: ELIGIBLE, judged for 2026-01-30
                    2|1.9|EXCLUSIVE|passed||whether a campaign that goes before this one gives
                    3|10|CAP|passed||asks 0.50 yuan of B1
                    4|3|DECISION|GRANTED|GRANTED|month 1 of 2, first qualified for 2026-01-30, 1024 MB
                    """,
                ),
                judged(
                    "February's", "S-OLD", "DATA_GIFT", "2026-02", "2026-02-01",
                    """
                    1|3|NOT_ELIGIBLE|failed||as 2026-02-01 began: NOT_ACTIVE, judged for 2026-02-01
                    2|1.9|EXCLUSIVE|not asked||whether a campaign that goes before this one gives
                    3|10|CAP|not asked||
                    4|3|DECISION|LOST|NOT_ELIGIBLE|month 2 of 2, first qualified for 2026-01-30
                    """,
                ),
                Fact(
                    "what is no yes has one rule that failed, what is one has none",
                    "select count(*) from (select max(outcome) filter (where rule = 'DECISION') as decision,"
                    " count(*) filter (where outcome = 'failed') as failed"
                    " from ledger.reasons where subject not in ('ELIGIBILITY', 'CREDIT', 'MEMBERSHIP')"
                    " group by campaign_id, subscriber_id, subject, subject_id, business_date, attempt_no) as decisions"
                    " where failed <> case when decision in ('REFUSED', 'WAITING', 'LOST') then 1 else 0 end",
                    "0",
                ),
            ],
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def ask(play: Play, capsys: pytest.CaptureFixture[str], **variables: str) -> tuple[int, list[str]]:
    """What `make why` says: exit code, and lines with blanks made one."""
    play.reach(STORY.days[-1])
    code = why.main(play.settings.warehouse_dsn, variables)
    said = capsys.readouterr()
    return code, [" ".join(line.split()) for line in (said.out + said.err).splitlines()]


def test_on_a_day_that_was_not_judged_anew_the_judgement_in_force_is_shown(play, capsys):
    code, lines = ask(play, capsys, SUBSCRIBER="S-TWO", ON="2026-01-31")
    assert code == 0
    assert lines == [
        "S-TWO: last changed in the snapshot of 2026-01-29, subscriber_20260129_0001.txt line 2",
        "",
        (
            "lyh2026 ELIGIBILITY, 2026-01-30; in force on 2026-01-31: nothing has changed the answer since;"
            " terms lyh2026@2026-01-30; run closing 2026-01-29; subscriber_20260129_0001.txt line 2"
        ),
        "step rules rule outcome input",
        "1 2 UNKNOWN passed in snapshot of subscribers",
        "2 2 BAD_DATE passed activation_date 2024-01-10, from 1994-07-19 to 2026-01-30 allowed",
        "3 2 NOT_ACTIVE failed status S, A needed",
        '4 2 SEGMENT passed segment CONSUMER, one of ["CONSUMER"] needed',
        "5 2 NOT_VERIFIED passed real_name Y, Y needed",
        "6 2 SECONDARY passed card_role MAIN, main_card_only true",
        "7 2 TENURE failed activation_date 2024-01-10, 5 years needed by 2026-01-30",
        "8 2 PORTED_IN passed never ported in",
        "9 2 OWNER_CHANGED passed never changed hands",
        "10 2 HOLDOUT passed customer C02 is not in the control group",
        "11 2 DECISION NOT ELIGIBLE (NOT_ACTIVE) NOT_ACTIVE, TENURE",
    ]


def test_a_recharge_is_shown_with_what_it_asked_and_what_it_promised(play, capsys):
    code, lines = ask(play, capsys, SUBSCRIBER="S-OLD", RECHARGE="R-1")
    assert code == 0
    titles = [line.partition(";")[0] for line in lines if line.startswith("lyh2026 ")]
    assert titles[:2] == ["lyh2026 ELIGIBILITY RECHARGE R-1, 2026-01-30", "lyh2026 RECHARGE R-1, 2026-01-30"]
    assert [title.split()[1] for title in titles[2:]] == ["CREDIT"] * 6
    first = "1 4.6 PROMISED PROMISED (INSTALMENT) 4.00 yuan due on 2026-02-05 for recharge R-1, instalment 1 of 6"
    assert first in lines


def test_without_a_day_everything_is_shown_in_order(play, capsys):
    code, lines = ask(play, capsys, SUBSCRIBER="S-OLD")
    assert code == 0
    titles = [" ".join(line.split()[1:3]).strip(",;") for line in lines if line.startswith("lyh2026 ")]
    assert [title for title in titles if not title.startswith(("CREDIT", "MESSAGE"))] == [
        "ELIGIBILITY, 2026-02-01", "DATA_GIFT 2026-01", "FAMILY Q-1", "FAMILY Q-2", "RECHARGE R-1", "RECHARGE R-2",
        "DATA_GIFT 2026-02",
    ]  # fmt: skip


def test_whom_nobody_ever_listed_is_unknown(play, capsys):
    code, lines = ask(play, capsys, SUBSCRIBER="S-NOBODY")
    assert code == 1
    assert lines == [
        "S-NOBODY: UNKNOWN: no delivery of the feed subscriber has ever listed it. Asked were:",
        "",
        "Feeds ingested",
        "feed files last_date",
        "family_request 1 2026-01-30",
        "recharge 1 2026-01-30",
        "subscriber 3 2026-01-31",
        "S-NOBODY: anything was not decided in this warehouse",
    ]


def test_what_was_not_decided_is_said(play, capsys):
    assert ask(play, capsys, SUBSCRIBER="S-OLD", RECHARGE="R-9")[0] == 1
    with pytest.raises(UsageError, match="ON: value '31 January'"):
        ask(play, capsys, SUBSCRIBER="S-OLD", ON="31 January")
    with pytest.raises(UsageError, match="SUBSCRIBER: expected a subscriber_id"):
        ask(play, capsys)


def test_a_subscriber_is_looked_up_not_searched_for(play):
    """Each part asks its relations for the one subscriber, or for a key of his; where it begins there is an index."""
    play.reach(STORY.days[-1])
    with psycopg.connect(play.settings.warehouse_dsn, options="-c enable_seqscan=off") as connection:
        plan = connection.execute("explain select * from ledger.reasons where subscriber_id = 'S-OLD'").fetchall()
        indexed = connection.execute(
            "select tablename from pg_indexes where indexdef like '%subscriber_id%'"
        ).fetchall()
    lines = [line for (line,) in plan]
    begins = {
        "int_eligibility__statuses", "int_subscriber__history", "recharge_decisions", "family_decisions",
        "device_decisions", "card_decisions", "trial_decisions", "membership_changes", "messages",
        "credit_obligations",
    }  # fmt: skip
    assert begins <= {name for (name,) in indexed}
    for relation in begins | {"ledger_closures", "data_gift_decisions"}:
        found = [number for number, line in enumerate(lines) if re.search(rf"Scan .*\b{relation}\b", line)]
        assert found, relation
        for number in found:
            assert re.search(r"Cond: |Filter: .*subscriber_id = 'S-OLD'", lines[number + 1]), "\n".join(lines)
