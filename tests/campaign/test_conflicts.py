"""Rule 12: the same id with other content, in every events feed: listed with file and line.

What was decided in an earlier run stands. Of two rows that come in one run neither counts where a benefit hangs on it;
elsewhere the first stands. The same content again is a duplicate, of which nobody hears.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import Day, Fact, File, Play, Story, again, people, subscribers, terms

WHO = people("""
S-A 01
S-B 02
S-C 03
""")
CODE_TEXT = "【中国联通】{platform}月卡兑换码：{code}，请于{expires_on}前兑换。"
CAMPAIGN = terms("2026-02-01", "2026-02-28", {
    "data_gift": None, "recharge": None, "membership": {}, "service": {"answer_hours": 24},
    "family_numbers": {"limit": 3, "exclusive": False},
    "devices": {
        "channels": ["APP"], "bands": [{"from_fen": 0, "rate_bp": 9000}],
        "limit": 1, "hold_days": 60, "late_days": 2, "ship_days": 9, "unpaid_days": 9,
    },
    "cards": {
        "platforms": [{"code": "TENCENT", "name": "腾讯视频", "monthly_need": 10}],
        "limit_per_month": 1, "low_stock_bp": 0, "code_sms_attempts": 1, "late_days": 3,
    },
    "trials": {
        "member_lead_days": 0, "late_days": 3,
        "offers": [{"code": "CLOUD", "name": "沃云盘体验", "link": "https://u.example/c", "opens_on": "2026-02-01",
                    "places": 9, "cost_fen": 400}],
    },
    "messages": {"templates": [
        {"code": "CARD", "class": "service", "channel": "sms", "event": "card_code", "text": CODE_TEXT},
    ]},
})  # fmt: skip

# feed: (the first row, one of the same id with other content); `{day}` is the day on which it comes
ROWS = {
    "family_request": ("{id}|S-A|{day}090000|ADD|13000000002|APP|", "{id}|S-A|{day}090000|ADD|13000000003|APP|"),
    "device_order": (
        "{id}|O-{id}|S-A|PAID|{day}090000|SKU|1000.00|900.00|APP||",
        "{id}|O-{id}|S-A|PAID|{day}090000|SKU|1000.00|950.00|APP||",
    ),
    "card_claim": ("{id}|S-A|{day}090000|TENCENT", "{id}|S-A|{day}090001|TENCENT"),
    "trial_application": ("{id}|S-A|{day}090000|CLOUD", "{id}|S-B|{day}090000|CLOUD"),
    "card_stock": ("CODE{id}|TENCENT|20260201|20261231|15.00", "CODE{id}|TENCENT|20260201|20261231|16.00"),
    "expense": ("{id}|20260201|B6|100.00|礼品", "{id}|20260201|B6|200.00|礼品"),
    "stock_movement": ("{id}|CUP|GIFT|{day}090000|5|2.50|H-1", "{id}|CUP|GIFT|{day}090000|7|2.50|H-1"),
    "optout": ("{id}||S-A|{day}090000|IN|SMS", "{id}||S-A|{day}090000|OUT|SMS"),
    "sms_report": ("{id}|" + "f" * 32 + "|1|1|0||{day}090000", "{id}|" + "f" * 32 + "|1|1|2|X|{day}090000"),
    "ticket": ("{id}|T-{id}|S-A|OPENED|FAULT||{day}090000||甲", "{id}|T-{id}|S-A|OPENED|FAULT||{day}090000||乙"),
    "survey": ("{id}|S-A|{day}080000|{day}090000|5|9||", "{id}|S-A|{day}080000|{day}090000|1|9||"),
    "social": ("WEIBO|20260201|{id}|5|5|5", "WEIBO|20260201|{id}|6|5|5"),
    "training": ("{id}|P-1|H-1|RULES|20260201|Y", "{id}|P-1|H-1|RULES|20260201|N"),
    "system_test": ("{id}|CRM|FUNCTION|{day}090000|PASS|", "{id}|CRM|FUNCTION|{day}090000|FAIL|"),
}  # fmt: skip
BENEFITS = ("family_request", "device_order", "card_claim", "trial_application")
TYPES = {"family_request": "FAMILY", "device_order": "DEVICE", "card_claim": "CARD_CLAIM", "card_stock": "CARD_CODE"}
FIRST, OTHER = 0, 1


def file(feed: str, *rows: tuple[str, int]) -> File:
    """Rows of one feed: each an id and which of the two contents it has. What was first sent keeps its first day."""
    return File(feed, [ROWS[feed][content].format(id=name, day="20260201") for name, content in rows])


def listed(day: str, rows: dict[str, list[int]]) -> Fact:
    """Which lines of which feed's file of a day are listed in its run."""
    expected = [
        f"{TYPES.get(feed, feed.upper())}_CONFLICT|{feed}_{day}_0001.txt|{line}"
        for feed, lines in rows.items() for line in lines
    ]  # fmt: skip
    return Fact(
        "listed",
        "select exception_type, source_file, source_line from marts.exceptions where exception_type like '%_CONFLICT'"
        " and found_on = {on} and detail <> '' and what_to_do <> ''",
        "\n".join(expected),
    )


def counted(rows: str) -> Fact:
    """What counts of each id: a family number, device, card or trial given; else the content that stands."""
    return Fact(
        "what counts",
        """
        select 'family_request', request_id, family_msisdn from ledger.family_decisions where reason = 'APPROVED'
        union all select 'device_order', order_id, paid_price_fen::text from ledger.device_decisions
            where reason = 'GRANTED'
        union all select 'card_claim', claim_id, to_char(claimed_at, 'SS') from ledger.card_decisions
            where reason in ('WAITING', 'GRANTED', 'LIMIT') group by claim_id, claimed_at
        union all select 'trial_application', application_id, subscriber_id from ledger.trial_decisions
            where reason = 'GRANTED'
        union all select 'card_stock', 'code', count(*)::text from intermediate.int_card__stock
            where is_first_row and cost_fen = 1500
        union all select 'expense', voucher_id, amount_fen::text from ledger.expenses
        union all select 'stock_movement', movement_id, quantity::text from ledger.stock_movements
        union all select 'optout', event_id, action from intermediate.int_optout__events
        union all select 'sms_report', report_id, state from intermediate.int_sms_report__segments
        union all select 'survey', response_id, satisfaction::text from intermediate.int_survey__responses
        union all select 'social', topic, heat::text from intermediate.int_social__figures
        union all select 'training', record_id, is_passed::text from intermediate.int_training__records
        union all select 'system_test', record_id, result from intermediate.int_system_test__records
        """,
        rows,
    )


ELSEWHERE = """
    expense|{id}|10000
    stock_movement|{id}|5
    optout|{id}|IN
    sms_report|{id}|DELIVERED
    survey|{id}|5
    social|{id}|5
    training|{id}|true
    system_test|{id}|PASS
"""

STORY = Story(
    "the same id with other content",
    CAMPAIGN,
    aside=frozenset(
        {"eligibility", "membership", "family_link", "device_decision", "trial_grant", "sms", "credit"}
    ),
    days=[
        Day(
            "20260131",
            proves="set-up: the subscribers and the device list are known",
            arrives=[subscribers(WHO), File("device_catalogue", ["SKU|华为|A2|1000.00|20260101|"])],
        ),
        # two rows of TWO in one file, and ONE alone
        Day(
            "20260201",
            proves="rules 12: of two contents in one run neither counts for a benefit, elsewhere the first does",
            arrives=[
                subscribers(WHO),
                *(file(feed, ("TWO", FIRST), ("TWO", OTHER), ("ONE", FIRST), ("ONE", FIRST)) for feed in ROWS),
            ],
            facts=[
                listed("20260201", {feed: [1, 2] if feed in BENEFITS else [2] for feed in ROWS}),
                counted(ELSEWHERE.format(id="TWO") + ELSEWHERE.format(id="ONE") + """
                    family_request|ONE|13000000002
                    device_order|O-ONE|90000
                    card_claim|ONE|00
                    trial_application|ONE|S-A
                    card_stock|code|2
                """),
            ],
        ),
        # ONE comes again, as it was (a duplicate) and otherwise (a conflict: what was decided stands); TWO likewise
        Day(
            "20260202",
            proves="rules 12: what an earlier run decided stands against other content, which is listed",
            arrives=[
                subscribers(WHO),
                *(file(feed, ("ONE", FIRST), ("ONE", OTHER), ("TWO", OTHER), ("TWO", FIRST)) for feed in ROWS),
            ],
            facts=[
                listed("20260202", {feed: [2] for feed in ROWS}),
                counted(ELSEWHERE.format(id="TWO") + ELSEWHERE.format(id="ONE") + """
                    family_request|ONE|13000000002
                    device_order|O-ONE|90000
                    card_claim|ONE|00
                    trial_application|ONE|S-A
                    card_stock|code|2
                """),
            ],
        ),
        Day(
            "20260203",
            proves="rules 12: content that has been listed is not listed again",
            arrives=[subscribers(WHO), *(file(feed, ("ONE", OTHER), ("ONE", FIRST)) for feed in ROWS)],
            facts=[listed("20260203", {})],
        ),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_a_rebuild_writes_the_same(play: Play, new_warehouse: Callable[[], str], tmp_path: Path) -> None:
    play.reach(STORY.days[-1])
    rebuilt = again(STORY, new_warehouse(), play, tmp_path)
    assert rebuilt.carrier.out_bytes() == play.carrier.out_bytes()
    assert rebuilt.ledger() == play.ledger()
