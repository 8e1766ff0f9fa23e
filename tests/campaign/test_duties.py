"""What stands beside the benefits: stock (P5), publicity (W2, W3), brand (E4), tickets (F1) and incidents (F2).

The campaign runs in February 2026. Five posters have to be in each of two halls, four boxes in the store; a ticket is
to be answered within 24 hours. Launched on the 1st, since the posters are waived. Each number is counted by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from tests.campaign.harness import INTERFACES, Day, Fact, File, Play, Story, costs, people, subscribers, terms

from laoyouhui.pipeline.watch import watch
from laoyouhui.warehouse.connection import connect

pytestmark = pytest.mark.enable_socket

WHO = people("S-OLD 01\nS-TWO 02")
TEAMS = [
    {"team": team, "responsible": "周敏", "duties": ["准备"]}
    for team in ("marketing", "customer_service", "technology")
]
CAMPAIGN = terms("2026-02-02", "2026-02-28", {
    "readiness": {
        "teams": TEAMS,
        "stock": [
            {"team": "marketing", "item": "POSTER", "kind": "MATERIAL", "quantity": 5, "halls": ["H-1", "H-2"]},
            {"team": "marketing", "item": "BOX", "kind": "GIFT", "quantity": 4},
        ],
    },
    "service": {"answer_hours": 24},
    "publicity": {"activities": [
        {"code": "WB01", "channel": "social", "name": "微博话题", "platform": "WEIBO", "topic": "老友惠",
         "from": "2026-02-01", "to": "2026-02-02", "planned_cost_fen": 20000},
        {"code": "SHOP1", "channel": "offline", "name": "商场路演", "partner": "万达", "places": ["王府井", "西单"],
         "from": "2026-02-01", "to": "2026-02-01", "planned_cost_fen": 5000},
        {"code": "PAGE", "channel": "app_page", "name": "活动页面", "from": "2026-02-03", "to": "2026-02-10",
         "planned_cost_fen": 1000},
    ]},
})  # fmt: skip

STOCK = (
    "select item, hall_code, on_hand, received, issued, needed, shortfall, movements_quarantined, cost_fen"
    " from marts.stock_by_item_hall"
)
EXPENSE_LINE = "select item_key, amount_fen, detail from marts.exceptions where exception_type = 'EXPENSE_LINE'"
BELOW_ZERO = "select item_key, detail from marts.exceptions where exception_type = 'STOCK_BELOW_ZERO'"
TICKETS = (
    "select ticket_kind, benefit, state, tickets, answered, mean_minutes_to_answer, median_minutes_to_answer,"
    " due_for_answer, answered_in_time, answered_in_time_bp from marts.tickets_by_kind"
)
FAULTS = "select item_key, subscriber_id, detail from marts.exceptions where exception_type = 'FAULT_REPORTED'"
PUBLICITY = (
    "select activity_code, budget_line, state, planned_cost_fen, actual_cost_fen, vouchers, days_with_figures,"
    " top_heat, impressions, interactions from marts.publicity"
)
BRAND = (
    "select platform, day, topic, heat, impressions, interactions, corrections, source_file, source_line"
    " from marts.brand_by_platform_day"
)

STORY = Story(
    "duties",
    CAMPAIGN,
    [
        Day("20260131", proves="set-up: both subscribers are known", arrives=[subscribers(WHO)]),
        Day(
            "20260201",
            proves="rules 11: stock never goes below zero, and a fault is listed at once",
            arrives=[
                subscribers(WHO),
                File("stock_movement", [
                    "M-1|POSTER|MATERIAL|20260130090000|5|2.50|H-1",
                    "M-2|POSTER|MATERIAL|20260130090000|3|2.50|H-2",
                    "M-3|BOX|GIFT|20260130090000|4|15.00|",
                    "M-4|POSTER|MATERIAL|20260130080000|-6||H-1",     # before anything had come: quarantined
                    "M-5|POSTER|MATERIAL|20260131100000|-5||H-1",     # all that there is
                    "M-6|POSTER|MATERIAL|20260131110000|-1||H-1",     # none is left: quarantined
                    "M-7|POSTER|MATERIAL|20260131120000|+2||H-1",      # from elsewhere: nothing was bought
                ]),
                File("ticket", [
                    "E-1|T-1|S-OLD|OPENED|QUESTION|DATA_GIFT|20260201100000||何时到账",
                    "E-2|T-1||ANSWERED|||20260201110000|A-1|",
                    "E-3|T-2|S-TWO|OPENED|FAULT|RECHARGE|20260201120000||充值失败",
                    "E-4|T-3||ANSWERED|||20260201130000|A-1|",        # what opened it comes a day later
                    "E-5|T-4|S-OLD|OPENED|COMPLAINT||20260131235900||",
                ]),
                File("social", [
                    "WEIBO|20260201|老友惠|1000|50000|300",
                    "WEIBO|20260201|别的|9999|10|1",
                    "DOUYIN|20260201|老友惠|70|900|5",
                ]),
                File("expense", [
                    "V-1|20260201|B5.1|100.00|WB01 微博话题",
                    "V-2|20260201|B5.2|20.50|WB01 海报",               # an activity online, a voucher offline
                    "V-3|20260201|B5.2|30.00|海报印刷",
                    "V-4|20260201|B6|9.99|WB01 礼品",                  # no publicity
                    "V-5|20260201|B4|5.00|WB01 会员卡",                # what B1 to B4 cost is known from the ledger
                ]),
            ],
            says={"waive lyh2026/STOCK/POSTER/H-1": "", "waive lyh2026/STOCK/POSTER/H-2": ""},
            facts=[
                Fact("stock: item, hall, on hand, received, issued, needed, short, quarantined, fen", STOCK, """
                    POSTER|H-1|2|7|5|5|3|2|1250
                    POSTER|H-2|3|3|0|5|2|0|750
                    POSTER|ALL|5|10|5|10|5|2|2000
                    BOX|STORE|4|4|0|0|0|0|6000
                    BOX|ALL|4|4|0|4|0|0|6000
                """),
                Fact("movements quarantined", BELOW_ZERO, """
                    M-4|-6 of POSTER at H-1, of which 0 were on hand
                    M-6|-1 of POSTER at H-1, of which 0 were on hand
                """),
                # T-2 is twelve hours old: not due; T-4 a minute more than a day
                Fact("tickets: tickets, answered, mean, median, due, in time, share", TICKETS, """
                    QUESTION|DATA_GIFT|ANSWERED|1|1|60|60|1|1|10000
                    FAULT|RECHARGE|OPENED|1|0|||0|0|
                    UNKNOWN|NONE|ANSWERED|1|0|||0|0|
                    COMPLAINT|NONE|OPENED|1|0|||1|0|0
                """),
                Fact("faults", FAULTS, "T-2|S-TWO|fault of RECHARGE, opened 2026-02-01 12:00, opened"),
                Fact("publicity: planned, actual, vouchers, days, heat, impressions, interactions", PUBLICITY, """
                    WB01|B5.1|RUNNING|20000|10000|1|1|1000|50000|300
                    WB01|B5.2|NOT_PLANNED|0|2050|1|0|||
                    SHOP1|B5.2|RUNNING|5000|0|0|0|||
                    PAGE|B5.1|PLANNED|1000|0|0|0|||
                    OTHER|B5.2|NOT_PLANNED|0|3000|1|0|||
                """),
                Fact("vouchers that are not booked", EXPENSE_LINE, """
                    V-5|500|voucher on B4, which comes from the ledger: not booked
                """),
                costs("B4", "no line: nothing of V-5", "|"),
                Fact("partner and places", "select partner, places from marts.publicity where partner is not null",
                     "万达|王府井、西单"),
                Fact("brand", BRAND, """
                    WEIBO|2026-02-01|老友惠|1000|50000|300|0|social_20260201_0001.txt|1
                    WEIBO|2026-02-01|别的|9999|10|1|0|social_20260201_0001.txt|2
                    DOUYIN|2026-02-01|老友惠|70|900|5|0|social_20260201_0001.txt|3
                """),
            ],
        ),
        Day(
            "20260202",
            proves="rules 11, 12: the first row of an id stands, and a closed fault is no longer listed",
            arrives=[
                subscribers(WHO),
                File("stock_movement", [
                    "M-8|POSTER|MATERIAL|20260130070000|-3||H-1",     # two are on hand, whatever its hour
                    "M-9|POSTER|MATERIAL|20260202090000|-2||H-1",
                    "M-1|POSTER|MATERIAL|20260130090000|9|2.50|H-1",  # known already: the first row stands
                ]),
                File("ticket", [
                    "E-6|T-3|S-TWO|OPENED|QUESTION|RECHARGE|20260201123000||",
                    "E-8|T-2||CLOSED|||20260202130000|A-2|",
                    "E-7|T-2||ANSWERED|||20260202120001|A-2|",        # a second more than a day
                    "E-1|T-1|S-OLD|OPENED|FAULT|DATA_GIFT|20260201100000||",
                    "E-9|T-5|S-OLD|OPENED|QUESTION|DATA_GIFT|20260202090000||",
                    "E-10|T-5||ANSWERED|||20260202105000|A-1|",
                ]),
                File("social", [
                    "WEIBO|20260201|老友惠|1100|60000|310",
                    "WEIBO|20260202|老友惠|900|1|1",
                ]),
            ],
            facts=[
                Fact("stock", f"{STOCK} where hall_code = 'H-1'", "POSTER|H-1|0|7|7|5|5|3|1250"),
                Fact("movements quarantined", f"{BELOW_ZERO} and found_on = {{on}}",
                     "M-8|-3 of POSTER at H-1, of which 2 were on hand"),
                Fact("tickets", TICKETS, """
                    QUESTION|DATA_GIFT|ANSWERED|2|2|85|85|2|2|10000
                    QUESTION|RECHARGE|ANSWERED|1|1|30|30|1|1|10000
                    FAULT|RECHARGE|CLOSED|1|1|1440|1440|1|0|0
                    COMPLAINT|NONE|OPENED|1|0|||1|0|0
                """),
                Fact("faults", FAULTS, ""),
                Fact("publicity", f"{PUBLICITY} where channel is not null", """
                    WB01|B5.1|RUNNING|20000|10000|1|2|1000|50001|301
                    SHOP1|B5.2|NOT_SEEN|5000|0|0|0|||
                    PAGE|B5.1|PLANNED|1000|0|0|0|||
                """),
                Fact("brand: the first row stands", f"{BRAND} where platform = 'WEIBO' and topic = '老友惠'", """
                    WEIBO|2026-02-01|老友惠|1000|50000|300|1|social_20260201_0001.txt|1
                    WEIBO|2026-02-02|老友惠|900|1|1|0|social_20260202_0001.txt|2
                """),
                Fact("and what a later file says is for a person",
                     "select item_key, source_file, source_line from marts.exceptions"
                     " where exception_type = 'SOCIAL_CONFLICT'",
                     "WEIBO 2026-02-01 老友惠|social_20260202_0001.txt|1"),
            ],
        ),
    ],
    aside=frozenset(INTERFACES),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


def look(play: Play, morning: str) -> None:
    watch(play.settings, as_of=datetime.fromisoformat(morning).replace(tzinfo=ZoneInfo("Asia/Shanghai")), look=False)


INCIDENTS = (
    "select incident_type, place, cause, rows_affected, subscribers_affected, ended_at is not null from watch.incidents"
    " where incident_type in ('FAULT_REPORTED', 'STEP_FAILED') order by incident_type, place"
)


def test_a_date_with_nothing_but_subscribers_closes(play: Play) -> None:
    play.check(STORY.days[0])


def test_stock_publicity_brand_and_tickets_are_those_counted_by_hand(play: Play) -> None:
    play.check(STORY.days[1])


def test_a_fault_is_told_at_once_and_an_incident_from_its_start_to_its_end(play: Play) -> None:
    """A step that failed twice and then worked: the two subscribers' four rows of the date left late."""
    play.reach(STORY.days[1])
    look(play, "2026-02-02 06:00")
    alert = "select place, what from raw.alert where alert_code = 'FAULT_REPORTED' and closed_at is null"
    assert play.query(alert) == [("RECHARGE 2026-02-01", "1 tickets are not closed: T-2")]
    with connect(play.settings.warehouse_dsn) as conn:
        for failure in ("SFTP: no connection\nsubscriber S-OLD", "SFTP: again", None):
            conn.execute(
                "insert into raw.step (business_date, step, seconds, failure) values ('2026-02-01', 'deliver', %s, %s)",
                (None if failure else 1, failure),
            )
        conn.execute(
            "insert into raw.step (business_date, step, failure) values ('2026-02-02', 'ingest', 'the disk is full')"
        )
    assert play.query(INCIDENTS) == [
        ("FAULT_REPORTED", "RECHARGE 2026-02-01", "1 faults of RECHARGE were reported", 1, 1, False),
        ("STEP_FAILED", "deliver 2026-02-01", "SFTP: no connection", 4, 2, True),
        ("STEP_FAILED", "ingest 2026-02-02", "the disk is full", None, None, False),
    ]


def test_the_first_row_of_an_id_stands_and_stock_is_never_below_zero(play: Play) -> None:
    play.check(STORY.days[2])


def test_what_is_mended_is_closed(play: Play) -> None:
    play.reach(STORY.days[2])
    look(play, "2026-02-03 06:00")
    assert play.query("select count(*) from raw.alert where alert_code = 'FAULT_REPORTED' and closed_at is null") == [
        (0,)
    ]
    assert [row[5] for row in play.query(INCIDENTS)] == [True, True, True]
    over_plan = "select place, cause, ended_at is null from watch.incidents where incident_type = 'BUDGET_OVER_PLAN'"
    assert ("B5.1 2026-02", "promised and paid pass the plan of the month", True) in play.query(over_plan)
