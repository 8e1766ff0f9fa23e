"""A person withdraws a delivery: its rows stop counting, what followed is reversed by further entries (rules 12).

The campaign runs from 26 January to 28 February 2026. A recharge of 200 yuan brings a discount of 12.00 and a bonus of
24.00 in 6 instalments of 400 fen, each on the 5th of the following months.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import psycopg
import pytest
import yaml
from tests.campaign.harness import (
    HOME,
    RIGHT,
    Day,
    File,
    Play,
    Story,
    again,
    but,
    close,
    people,
    recharges,
    subscribers,
    terms,
)

from laoyouhui.pipeline.decide import DecideError, decide
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.overrides import OverrideError, confirm, read_command, request_override

W = people("S-A 01\nS-B 02")
TERMS = terms("2026-01-26", "2026-02-28", {"data_gift": {"months": 1}})


def withdraw(play: Play, feed: str, file_name: str, day: str) -> None:
    """Ask for the withdrawal of a delivery, and confirm it, in the morning of a day."""
    at = datetime.strptime(f"{day}1000+0800", "%Y%m%d%H%M%z")
    name = request_override(
        play.settings, read_command(["withdraw", feed, file_name, "--by", "张三", "--why", "整份作废"], at)
    )
    confirm(play.settings, name, "李四", at)


def rebuilt(play: Play, dsn: str, *days: str) -> Play:
    """The dates closed anew in an empty warehouse, from the exchange without `out/` and the journal."""
    story = Story(
        play.story.name, play.story.campaign, [Day(day, proves="set-up: a date is closed anew") for day in days]
    )
    return again(story, dsn, play, play.carrier.exchange.parent / "anew")


def test_a_row_that_no_model_can_bear_is_withdrawn_in_the_open_attempt_and_the_date_closes(
    new_play: Callable[[Story], Play], new_warehouse: Callable[[], str]
) -> None:
    """B2: no mended file helps, since the row is loaded; without it the date closes, and so does a rebuild."""
    story = Story("unbearable", TERMS, [])
    play = new_play(story)
    play.carrier.deliver(subscribers(W), "20260125")
    play.carrier.deliver(File("expense", ["E-1|20260125|B6|100.00|礼品"]), "20260125")
    play.carrier.deliver(File("expense", ["E-2|20260125|B6|200.00|展架"], seq=2), "20260125")
    ingest(play.settings, date(2026, 1, 25))
    with psycopg.connect(play.settings.warehouse_dsn) as conn:  # what no range of ours has foreseen
        conn.execute("alter table raw.expense disable trigger user")
        conn.execute("update raw.expense set amount_yuan = '99999999999999999999' where voucher_id = 'E-1'")
        conn.execute("alter table raw.expense enable trigger user")
    with pytest.raises(DecideError):
        decide(play.settings, date(2026, 1, 25))

    with pytest.raises(OverrideError, match="UNKNOWN_FILE"):
        withdraw(play, "expense", "expense_20260125_0009.txt", "20260126")
    with pytest.raises(OverrideError, match="UNKNOWN_FILE"):
        withdraw(play, "optout", "expense_20260125_0001.txt", "20260126")
    withdraw(play, "expense", "expense_20260125_0001.txt", "20260126")
    close(play.settings, "20260125")

    facts = (
        "select state, reason from marts.intake_by_file where file_name = 'expense_20260125_0001.txt'",
        "select exception_type, detail from marts.exceptions where source_file = 'expense_20260125_0001.txt'",
        "select committed_fen, actual_fen from marts.budget_by_line_month where budget_line = 'B6' and actual_fen > 0",
    )
    because = "WITHDRAWN by 张三 at 2026-01-26 10:00: 整份作废"
    assert play.query(facts[0]) == [("WITHDRAWN", because)]
    assert play.query(facts[1]) == [("FILE_WITHDRAWN", f"{because} (1 rows of expense)")]
    assert play.query(facts[2]) == [(0, 20000)]
    with pytest.raises(OverrideError, match="WITHDRAWN"):
        withdraw(play, "expense", "expense_20260125_0001.txt", "20260127")

    anew = rebuilt(play, new_warehouse(), "20260125")
    assert [anew.query(fact) for fact in facts] == [play.query(fact) for fact in facts]
    assert anew.carrier.out_bytes() == play.carrier.out_bytes()


def test_a_voucher_is_booked_back_and_counts_again_when_it_is_delivered_again(
    new_play: Callable[[Story], Play], new_warehouse: Callable[[], str]
) -> None:
    """In the open month, with its own event date; the same file again, touched, and the same voucher in another."""
    play = new_play(Story("vouchers", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(File("expense", ["E-1|20260130|B6|100.00|礼品", "E-2|20260130|B6|7.00|笔"]), "20260131")
    close(play.settings, "20260131")
    withdraw(play, "expense", "expense_20260131_0001.txt", "20260201")
    # E-2 comes again with the correction, as it was: nothing moves
    play.carrier.deliver(File("expense", ["E-2|20260130|B6|7.00|笔"]), "20260202")
    close(play.settings, "20260202")

    ledger = (
        "select entry_type, event_on::text, booked_on::text, actual_fen, reason from ledger.ledger_entries"
        " where benefit = 'EXPENSE' order by booked_on, entry_type, actual_fen"
    )
    because = "WITHDRAWN by 张三 at 2026-02-01 10:00: 整份作废"
    first = [
        ("booked", "2026-01-30", "2026-01-31", 700, "笔"),
        ("booked", "2026-01-30", "2026-01-31", 10000, "礼品"),
        ("booked", "2026-01-30", "2026-02-02", 700, "笔"),
        ("reversed", "2026-01-30", "2026-02-02", -10000, because),
        ("reversed", "2026-01-30", "2026-02-02", -700, because),
    ]
    assert play.query(ledger) == first
    close(play.settings, "20260203")
    assert play.query(ledger) == first  # the file that lies there still is no new delivery

    # the same content under the same name, written anew: the carrier's last word
    data = play.carrier.exchange / "in" / "expense" / "expense_20260131_0001.txt"
    data.write_bytes(data.read_bytes())
    close(play.settings, "20260204")
    # E-2 stands by the other file
    assert play.query(ledger) == [*first, ("booked", "2026-01-30", "2026-02-04", 10000, "礼品")]
    assert play.query("select count(*), count(distinct entry_key) from ledger.ledger_entries") == play.query(
        "select count(distinct entry_key), count(*) from ledger.ledger_entries"
    )

    anew = rebuilt(play, new_warehouse(), "20260131", "20260202", "20260203", "20260204")
    assert anew.query(ledger) == play.query(ledger)
    assert anew.carrier.out_bytes() == play.carrier.out_bytes()


def test_a_voucher_of_publicity_that_is_booked_back_stands_at_no_activity(new_play: Callable[[Story], Play]) -> None:
    """The gate holds the mart against what is left of the books."""
    play = new_play(Story("publicity", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(File("expense", ["E-1|20260130|B5.1|100.00|微博", "E-2|20260130|B5.2|9.00|展架"]), "20260131")
    play.carrier.deliver(File("expense", ["E-3|20260130|B5.2|7.00|单页"], seq=2), "20260131")
    close(play.settings, "20260131")
    publicity = "select budget_line, sum(actual_cost_fen) from marts.publicity group by 1 order by 1"
    assert play.query(publicity) == [("B5.1", 10000), ("B5.2", 1600)]
    withdraw(play, "expense", "expense_20260131_0001.txt", "20260201")
    close(play.settings, "20260201")
    assert play.query(publicity) == [("B5.2", 700)]
    play.carrier.deliver(File("expense", ["E-1|20260130|B5.1|10.00|微博"], seq=3, date="20260131"), "20260202")
    close(play.settings, "20260202")
    assert play.query(publicity) == [("B5.1", 1000), ("B5.2", 700)]


def test_the_last_training_survey_and_figure_that_stand_are_those_of_the_other_files(
    new_play: Callable[[Story], Play],
) -> None:
    """The feeds in which the first row, or the last, stands: without the delivery the next one does."""
    play = new_play(Story("others", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(File("social", ["WEIBO|20260130|老友惠|5|50|500"]), "20260131")
    play.carrier.deliver(File("social", ["WEIBO|20260130|老友惠|6|60|600"], seq=2), "20260131")
    play.carrier.deliver(File("training", ["T-1|E-1|H-1|C-1|20260130|Y"]), "20260131")
    play.carrier.deliver(File("ticket", ["K-1|T-1|S-A|OPENED|FAULT|RECHARGE|20260130100000||不能充值"]), "20260131")
    play.carrier.deliver(File("ticket", ["K-2|T-1|S-A|CLOSED|FAULT|RECHARGE|20260130110000||好了"], seq=2), "20260131")
    play.carrier.deliver(File("optout", ["O-1||S-A|20260130100000|OUT|SMS"]), "20260131")
    play.carrier.deliver(
        File("stock_movement", ["M-1|CUP|GIFT|20260130090000|10|5.00|", "M-2|CUP|GIFT|20260130100000|-4||"]), "20260131"
    )
    play.carrier.deliver(File("stock_movement", ["M-3|CUP|GIFT|20260130110000|-3||"], seq=2), "20260131")
    close(play.settings, "20260131")
    for feed, name in {
        "social": "social_20260131_0001.txt",
        "training": "training_20260131_0001.txt",
        "ticket": "ticket_20260131_0002.txt",
        "optout": "optout_20260131_0001.txt",
        "stock_movement": "stock_movement_20260131_0001.txt",
    }.items():
        withdraw(play, feed, name, "20260201")
    close(play.settings, "20260201")
    assert play.query("select heat from intermediate.int_social__figures") == [(6,)]
    assert play.query("select count(*) from intermediate.int_training__records") == [(0,)]
    assert play.query("select state from ledger.tickets") == [("OPENED",)]
    assert play.query("select count(*) from intermediate.int_optout__events") == [(0,)]
    # M-3 went out and had been there: nothing is below zero, a person counts
    stock = "select received, issued, on_hand from marts.stock_by_item_hall where hall_code = 'STORE'"
    assert play.query(stock) == [(3, 3, 0)]
    listed = "select exception_type, item_key from marts.exceptions where exception_type like 'STOCK%'"
    assert play.query(listed) == [("STOCK_NOT_RECEIVED", "CUP")]
    play.carrier.deliver(File("stock_movement", ["M-1|CUP|GIFT|20260130090000|10|5.00|"]), "20260202")
    close(play.settings, "20260202")
    assert play.query(stock) == [(10, 3, 7)]


GRANTED = (
    "select recharge_id, reason, business_date::text from ledger.recharge_decisions where recharge_id like 'R-%'"
    " order by business_date, recharge_id"
)
B2 = "select sum(committed_fen), sum(actual_fen) from marts.budget_by_line_month where budget_line = 'B2'"
LIABILITY = (
    "select promised_fen, credited_fen, cancelled_fen, clawed_back_fen, closing_fen from marts.liability_by_month"
    " order by month desc limit 1"
)
BECAUSE = "WITHDRAWN by 张三 at 2026-02-03 10:00: 整份作废"


def test_a_recharge_is_reversed_and_granted_once_more_when_it_is_delivered_again(
    new_play: Callable[[Story], Play], new_warehouse: Callable[[], str]
) -> None:
    """The discount goes back, the make-good is claimed, instalments end; the place is the next one's, in order.

    R-1 (12.00 due, 10.00 applied: make-good 2.00) keeps R-2 out by the limit. Withdrawn on 3 February, R-2 has the
    place; delivered again on the 5th, R-1 is refused for LIMIT. R-3 of another month and subscriber is granted anew.
    """
    play = new_play(Story("recharges", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(
        recharges("""
        R-1 S-A 20260131090000 20000 19000 APP
        R-3 S-B 20260131090000 20000 18800 APP
        """),
        "20260131",
    )
    play.carrier.deliver(recharges("R-2 S-A 20260131100000 20000 18800 APP", seq=2), "20260131")
    close(play.settings, "20260131")
    play.carrier.answer("credit", "20260131", RIGHT)
    assert play.query(GRANTED) == [
        ("R-1", "GRANTED", "2026-01-31"),
        ("R-2", "LIMIT", "2026-01-31"),
        ("R-3", "GRANTED", "2026-01-31"),
    ]
    # two bonuses of 2400 and the make-good of 200 promised; discounts of 1000 and 1200 taken off
    assert play.query(B2) == [(5000, 2200)]
    close(play.settings, "20260201")
    assert play.query(B2) == [(4800, 2400)]  # the make-good is credited
    withdraw(play, "recharge", "recharge_20260131_0001.txt", "20260203")
    close(play.settings, "20260203")

    assert play.query(GRANTED)[3:] == [("R-2", "GRANTED", "2026-02-03")]
    # left: R-2's discount and bonus, and the make-good of R-1 with its claim under way
    assert play.query(B2) == [(2400 - 200, 1200 + 200)]
    assert play.query(LIABILITY) == [(2400, 0, 4800, 0, 2400)]
    ((_, sent),) = play.carrier.sent("credit", "20260203")
    assert [row[1:] for row in sent] == [["S-A", "13000000001", "200", "CLAWBACK", "", "", "R-1"]]
    assert play.query(
        "select entry_type, actual_fen, reason from ledger.ledger_entries"
        " where benefit = 'RECHARGE_DISCOUNT' and booked_on = '2026-02-03' order by actual_fen"
    ) == [("reversed", -1200, BECAUSE), ("reversed", -1000, BECAUSE), ("granted", 1200, "MATCH")]
    assert play.query(
        "select outcome, input like '%holds no longer since 2026-02-03: recharge_20260131_0001.txt line 1 WITHDRAWN%'"
        " from ledger.reasons where subject_id = 'R-1' and rule = 'DECISION'"
    ) == [("WITHDRAWN", True)]
    play.carrier.answer("credit", "20260203", RIGHT)
    close(play.settings, "20260204")
    assert play.query(B2) == [(2400, 1200)]  # claimed back

    play.carrier.deliver(
        recharges("""
        R-1 S-A 20260131090000 20000 19000 APP
        R-3 S-B 20260131090000 20000 18800 APP
        """, date="20260131", seq=3),
        "20260205",
    )  # fmt: skip
    close(play.settings, "20260205")
    assert play.query(GRANTED)[4:] == [("R-1", "LIMIT", "2026-02-05"), ("R-3", "GRANTED", "2026-02-05")]
    assert play.query(B2) == [(4800, 2400)]
    assert play.query(LIABILITY) == [(4800, 0, 4800, 0, 4800)]
    keys = "select count(*), count(distinct grant_key) from ledger.credit_obligations"
    assert play.query(keys) == [(6 * 4 + 1, 6 * 4 + 1)]
    assert play.query("select count(*) - count(distinct entry_key) from ledger.ledger_entries") == [(0,)]

    # what falls due on the 5th leaves with the run of the 4th, or with the later one that promises it: each once
    instalments = {
        "20260204": [["S-A", "13000000001", "400", "INSTALMENT", "1", "6", "R-2"]],
        "20260205": [["S-B", "13000000002", "400", "INSTALMENT", "1", "6", "R-3"]],
        "20260304": [
            ["S-A", "13000000001", "400", "INSTALMENT", "2", "6", "R-2"],
            ["S-B", "13000000002", "400", "INSTALMENT", "2", "6", "R-3"],
        ],
    }
    close(play.settings, "20260304")
    for day, due in instalments.items():
        ((_, sent),) = play.carrier.sent("credit", day)
        assert sorted(row[1:] for row in sent) == due
    anew = rebuilt(
        play, new_warehouse(), "20260131", "20260201", "20260203", "20260204", "20260205", "20260304"
    )  # fmt: skip
    assert anew.ledger() == play.ledger()
    assert anew.carrier.out_bytes() == play.carrier.out_bytes()


def test_what_stands_in_the_corrected_file_too_keeps_its_grant(new_play: Callable[[Story], Play]) -> None:
    """The file is withdrawn and its correction comes in the same run: what was right is not touched."""
    play = new_play(Story("corrected", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(
        recharges("""
        R-1 S-A 20260131090000 20000 18800 APP
        R-2 S-B 20260131090000 30000 28000 APP
        """),
        "20260131",
    )
    close(play.settings, "20260131")
    play.carrier.deliver(
        recharges("""
        R-1 S-A 20260131090000 20000 18800 APP
        R-2 S-B 20260131090000 20000 18800 APP
        """, date="20260131", seq=2),
        "20260201",
    )  # fmt: skip
    close(play.settings, "20260201")
    conflict = "select is_open from intermediate.int_recharge__disputes where recharge_id = 'R-2'"
    assert play.query(conflict) == [(True,)]
    withdraw(play, "recharge", "recharge_20260131_0001.txt", "20260203")
    close(play.settings, "20260203")
    assert play.query(conflict) == [(False,)]  # one content is left
    assert play.query(GRANTED) == [
        ("R-1", "GRANTED", "2026-01-31"),
        ("R-2", "GRANTED", "2026-01-31"),
        ("R-2", "GRANTED", "2026-02-03"),
    ]
    assert play.query(B2) == [(4800, 2400)]
    # and then the other, too: nothing is left of either
    withdraw(play, "recharge", "recharge_20260131_0002.txt", "20260204")
    close(play.settings, "20260204")
    assert play.query(B2) == [(0, 0)]
    assert play.query(LIABILITY)[0][4] == 0


def test_a_reversal_that_is_withdrawn_no_longer_reverses(new_play: Callable[[Story], Play]) -> None:
    """R-1 is decided anew and has its benefit under new keys; where credits have left, a person is asked."""
    play = new_play(Story("reversals", TERMS, []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(
        recharges("""
        R-1 S-A 20260131090000 20000 18800 APP
        R-3 S-B 20260131090000 20000 19000 APP
        """),
        "20260131",
    )
    close(play.settings, "20260131")
    play.carrier.answer("credit", "20260131", RIGHT)
    play.carrier.deliver(
        recharges("""
        V-1 S-A 20260201090000 reverses R-1 20000
        V-3 S-B 20260201090000 reverses R-3 20000
        """),
        "20260201",
    )
    close(play.settings, "20260201")
    assert play.query(LIABILITY)[0][4] == 0
    withdraw(play, "recharge", "recharge_20260201_0001.txt", "20260203")
    close(play.settings, "20260203")
    assert play.query(GRANTED)[2:] == [("R-1", "GRANTED", "2026-02-03")]
    assert play.query(LIABILITY)[0][4] == 2400
    # R-3 was made good and that was claimed back: it stays reversed, and is listed
    assert play.query(
        "select item_key, source_file from marts.exceptions where exception_type = 'REVERSAL_WITHDRAWN'"
    ) == [("R-3", "recharge_20260201_0001.txt")]
    # discount of R-1; the make-good of R-3, its claim under way
    assert play.query(B2) == [(2400 - 200, 1200 + 200)]
    withdraw(play, "recharge", "recharge_20260131_0001.txt", "20260204")
    close(play.settings, "20260204")
    assert play.query(LIABILITY)[0][4] == 0
    assert play.query(B2) == [(-200, 200)]


def test_a_device_goes_back_like_a_return_and_its_place_is_the_next_ones(new_play: Callable[[Story], Play]) -> None:
    """The subsidy leaves the books, the make-good is claimed, the shop is told; the order again has keys of its own."""
    shipped = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))["terms"][0]
    play = new_play(Story("devices", terms("2026-01-26", "2026-02-28", {"devices": shipped["devices"]}), []))
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(File("device_catalogue", ["SKU-1|华为|P1|2000.00|20260101|"]), "20260131")
    # 10 % off 2000.00 are due, 150.00 were taken off: 50.00 are made good
    order = "E-1|O-1|S-A|PAID|20260131100000|SKU-1|2000.00|1850.00|APP||"
    play.carrier.deliver(File("device_order", [order]), "20260131")
    play.carrier.deliver(File("device_order", [order.replace("-1|O-1", "-2|O-2")], seq=2), "20260131")
    close(play.settings, "20260131")
    play.carrier.answer("credit", "20260131", RIGHT)
    play.carrier.answer("device_decision", "20260131", RIGHT)
    b3 = B2.replace("B2", "B3")
    decided = (
        "select order_id, reason, business_date::text from ledger.device_decisions order by business_date, order_id"
    )
    assert play.query(decided) == [("O-1", "GRANTED", "2026-01-31"), ("O-2", "LIMIT", "2026-01-31")]
    assert play.query(b3) == [(5000, 15000)]
    close(play.settings, "20260201")
    withdraw(play, "device_order", "device_order_20260131_0001.txt", "20260203")
    close(play.settings, "20260203")
    assert play.query(decided)[2:] == [("O-2", "GRANTED", "2026-02-03")]
    # O-2's make-good promised, O-1's claim under way
    assert play.query(b3) == [(5000 - 5000, 15000 + 5000)]
    told = sorted(row[1:4] + row[6:] for _, rows in play.carrier.sent("device_decision", "20260203") for row in rows)
    assert told == [["O-1", "S-A", "RETURNED", "WITHDRAWN"], ["O-2", "S-A", "GRANTED", "GRANTED"]]
    play.carrier.deliver(File("device_order", [order], seq=3), "20260204")
    close(play.settings, "20260204")
    assert play.query(decided)[3:] == [("O-1", "LIMIT", "2026-02-04")]
    withdraw(play, "device_order", "device_order_20260131_0002.txt", "20260205")
    close(play.settings, "20260205")
    assert play.query(decided)[4:] == [("O-1", "GRANTED", "2026-02-05")]
    assert play.query("select count(*) - count(distinct grant_key) from ledger.device_decisions") == [(0,)]
    assert play.query("select count(*) - count(distinct grant_key) from ledger.credit_obligations") == [(0,)]
    shown = "select order_id, decision, subsidy_fen from marts.device_orders"
    assert play.query(shown) == [("O-1", "GRANTED", 15000)]


STATES = (
    "select distinct on (asked.day, history.subscriber_id) asked.day::text, history.subscriber_id,"
    " history.is_present, history.status"
    " from (values ('2026-01-30'::date), ('2026-01-31'), ('2026-02-01')) as asked (day)"
    " join intermediate.int_subscriber__history as history on history.state_on <= asked.day"
    " order by asked.day, history.subscriber_id, history.state_on desc, history.revision desc"
)


def test_a_withdrawn_snapshot_leaves_its_date_to_the_one_before_and_the_next_date_as_it_was(
    new_play: Callable[[Story], Play], new_warehouse: Callable[[], str]
) -> None:
    """The newest with its successor in one run, then one that others have followed, then the newest alone."""
    play = new_play(Story("snapshots", TERMS, []))
    closed = but(W, "S-A status=C status_date=20260131\nS-B gone")
    play.carrier.deliver(subscribers(W), "20260130")
    close(play.settings, "20260130")
    play.carrier.deliver(subscribers(closed), "20260131")
    close(play.settings, "20260131")
    assert play.query(STATES)[2:4] == [("2026-01-31", "S-A", True, "C"), ("2026-01-31", "S-B", False, None)]
    # S-A closed in truth only on 1 February
    withdraw(play, "subscriber", "subscriber_20260131_0001.txt", "20260201")
    play.carrier.deliver(subscribers(but(W, "S-A status=C status_date=20260201")), "20260201")
    play.carrier.deliver(recharges("R-1 S-A 20260131090000 20000 18800 APP", date="20260131"), "20260201")
    close(play.settings, "20260201")
    truth = [
        ("2026-01-30", "S-A", True, "A"),
        ("2026-01-30", "S-B", True, "A"),
        ("2026-01-31", "S-A", True, "A"),
        ("2026-01-31", "S-B", True, "A"),
        ("2026-02-01", "S-A", True, "C"),
        ("2026-02-01", "S-B", True, "A"),
    ]
    assert play.query(STATES) == truth
    assert play.query(GRANTED) == [("R-1", "GRANTED", "2026-02-01")]  # judged by the state of its own day
    # one that others have followed: what they said stands
    withdraw(play, "subscriber", "subscriber_20260130_0001.txt", "20260202")
    close(play.settings, "20260202")
    assert play.query(STATES) == [
        ("2026-01-30", "S-A", False, None),
        ("2026-01-30", "S-B", False, None),
        ("2026-01-31", "S-A", False, None),
        ("2026-01-31", "S-B", False, None),
        *truth[4:],
    ]
    # the newest alone: nobody is known any more
    withdraw(play, "subscriber", "subscriber_20260201_0001.txt", "20260203")
    close(play.settings, "20260203")
    assert {row[2] for row in play.query(STATES)} == {False}
    anew = rebuilt(play, new_warehouse(), "20260130", "20260131", "20260201", "20260202", "20260203")
    assert anew.query(STATES) == play.query(STATES)
    assert anew.ledger() == play.ledger()
    assert anew.carrier.out_bytes() == play.carrier.out_bytes()


def test_links_trials_and_cards_end_or_are_listed(new_play: Callable[[Story], Play]) -> None:
    """A link ends and is made anew; a trial's place is free again; a waiting claim leaves, an issued code stays."""
    shipped = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))["terms"][0]
    sections = {name: shipped[name] for name in ("family_numbers", "membership", "cards", "trials")}
    templates = shipped["messages"]["templates"]
    told = {"data_gift", "instalment", "card_code", "trial_invitation"}
    sections["messages"] = {"templates": [each for each in templates if each["event"] in told]}
    offer = {**sections["trials"]["offers"][0], "places": 1, "opens_on": date(2026, 1, 26)}
    sections["trials"] = {**sections["trials"], "offers": [offer]}
    play = new_play(Story("places", terms("2026-01-26", "2026-02-28", sections), []))
    play.carrier.deliver(subscribers(W), "20260125")
    close(play.settings, "20260125")
    trial = offer["code"]
    play.carrier.deliver(subscribers(W), "20260131")
    play.carrier.deliver(File("family_request", ["F-1|S-A|20260131100000|ADD|13000000002|APP|"]), "20260131")
    play.carrier.deliver(File("trial_application", [f"T-1|S-A|20260131100000|{trial}"]), "20260131")
    play.carrier.deliver(File("trial_application", [f"T-2|S-B|20260131110000|{trial}"], seq=2), "20260131")
    play.carrier.deliver(File("card_claim", ["C-1|S-A|20260131100000|IQIYI"]), "20260131")
    play.carrier.deliver(File("card_claim", ["C-2|S-B|20260131110000|IQIYI"], seq=2), "20260131")
    play.carrier.deliver(File("card_stock", ["CODE0001|IQIYI|20260131|20261231|15.00"]), "20260131")
    close(play.settings, "20260131")
    for interface in ("family_link", "trial_grant", "membership"):
        play.carrier.answer(interface, "20260131", RIGHT)
    cards = "select claim_id, reason from ledger.card_decisions order by business_date, attempt_no, claim_id, reason"
    trials = "select application_id, reason from ledger.trial_decisions order by business_date, application_id"
    links = "select action, reason from ledger.family_decisions order by business_date, action"
    assert play.query(cards) == [("C-1", "GRANTED"), ("C-2", "WAITING")]
    assert play.query(trials) == [("T-1", "GRANTED"), ("T-2", "FULL")]
    assert play.query(links) == [("ADD", "APPROVED")]
    for feed, name in (
        ("family_request", "family_request_20260131_0001.txt"),
        ("trial_application", "trial_application_20260131_0001.txt"),
        ("card_claim", "card_claim_20260131_0001.txt"),
        ("card_claim", "card_claim_20260131_0002.txt"),
        ("card_stock", "card_stock_20260131_0001.txt"),
    ):
        withdraw(play, feed, name, "20260202")
    # a free code of a delivery that is withdrawn in the same run is not issued to anybody
    close(play.settings, "20260202")
    assert play.query(cards)[2:] == [("C-2", "WITHDRAWN")]
    assert play.query(links)[1:] == [("END", "WITHDRAWN")]
    listed = (
        "select exception_type, item_key from marts.exceptions where exception_type like '%WITHDRAWN' order by 1, 2"
    )
    assert [row for row in play.query(listed) if row[0] != "FILE_WITHDRAWN"] == [
        ("CARD_CLAIM_WITHDRAWN", "C-1"),
        ("CARD_CODE_WITHDRAWN", "C-1"),
        ("TRIAL_WITHDRAWN", "T-1"),
    ]
    assert play.query("select benefit from ledger.participations where benefit in ('TRIAL', 'FAMILY_NUMBER')") == []
    ((_, sent),) = play.carrier.sent("family_link", "20260202")
    assert [row[1:5] for row in sent] == [["S-A", "13000000001", "13000000002", "REMOVE"]]
    # delivered again: each once, under keys of its own; C-1 has had its code
    play.carrier.deliver(File("family_request", ["F-1|S-A|20260131100000|ADD|13000000002|APP|"], seq=2), "20260203")
    play.carrier.deliver(File("trial_application", [f"T-1|S-A|20260131100000|{trial}"], seq=3), "20260203")
    play.carrier.deliver(
        File("card_claim", ["C-1|S-A|20260131100000|IQIYI", "C-2|S-B|20260131110000|IQIYI"], seq=3), "20260203"
    )
    close(play.settings, "20260203")
    assert play.query(cards)[3:] == [("C-2", "WAITING")]
    assert play.query(trials)[2:] == [("T-1", "GRANTED")]
    assert play.query(links)[2:] == [("ADD", "APPROVED")]
    for keys in (
        "select count(*) - count(distinct grant_key) from ledger.trial_decisions",
        "select count(*) - count(distinct decision_key) from ledger.family_decisions",
        "select count(*) - count(distinct entry_key) from ledger.ledger_entries",
    ):
        assert play.query(keys) == [(0,)]
    play.carrier.deliver(File("card_stock", ["CODE0002|IQIYI|20260131|20261231|15.00"], seq=2), "20260204")
    close(play.settings, "20260204")
    assert play.query(cards)[4:] == [("C-2", "GRANTED")]
    stock = (
        "select codes_received, codes_issued, claims_waiting from marts.card_stock_by_platform where platform = 'IQIYI'"
    )
    assert play.query(stock) == [(2, 2, 0)]
