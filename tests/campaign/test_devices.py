"""Rule 6: device discounts. Which orders are granted and why not others; prices, returns, the shipping list.

The campaign runs from 1 to 5 February 2026; orders are honoured in files of 7 February at the latest.
The bands are the defaults: below 1000 yuan pay 95 %, from 1000 and below 3000 90 %, from 3000 85 %; one device each.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import Answer, Day, Fact, File, Play, Story, but, costs, people, subscribers, terms

EVERYBODY = people("""
S-EDGE    01
S-BAND1   02
S-BAND2   03
S-BAND3   04
S-HALF    05
S-UNDER   06
S-OVER    07
S-YOUNG   08 activation_date=20240101
S-HALL1   09
S-HALL2   10
S-UNLIST  11
S-SOON    12
S-GONE    13
S-TWO     14
S-TIES    15
S-BACK    16
S-NEXT    17
S-EARLY   18
S-CONF    19
S-TWICE   20
S-NOPRICE 21
S-LATE    22
S-TOOLATE 23
S-ROBUST  24
S-SHIPS   25
S-CLAW    26
S-WAITS   27
S-LEAVES  28
S-WRONG   29
S-CANCEL  30
""")

CATALOGUE = File("device_catalogue", [
    "SKU-999|华为|A1|999.99|20260101|",
    "SKU-1000|华为|A2|1000.00|20260101|",
    "SKU-2999|小米|B1|2999.99|20260101|",
    "SKU-3000|小米|B2|3000.00|20260101|",
    "SKU-0|小米|B0|0.30|20260101|",               # 95 % of 30 fen are 28.5: half up, 29
    "SKU-SOON|荣耀|C1|1000.00|20260203|",          # on the list from 3 February
    "SKU-GONE|荣耀|C2|1000.00|20260101|20260131",  # and to 31 January
])  # fmt: skip
HALLS = File("hall", ["H-OK|人民路营业厅|1001|20260101|", "H-SOON|解放路营业厅|1001|20260203|"])


def orders(text: str, *, seq: int = 1, date: str = "") -> File:
    """A `device_order` delivery from lines `event-id order subscriber EVENT time [sku list paid channel[:hall]]`."""
    rows = []
    for words in (line.split() for line in text.splitlines()):
        if words and words[0] != "#":
            event_id, order, who, event, at, *of = words
            sku, listed, paid, where = of or ["", "", "", "APP"]
            channel, _, hall = where.partition(":")
            who, paid = who.replace("-none-", ""), paid.replace("-none-", "")
            rows.append(f"{event_id}|{order}|{who}|{event}|{at}|{sku}|{listed}|{paid}|{channel}|{hall}|")
    return File("device_order", rows, seq=seq, date=date)


def decided(rows: str) -> Fact:
    """The orders decided in this run, with prices in fen."""
    return Fact(
        "orders decided in this run (order|reason|not eligible because|check|entitled price|entitled|applied)",
        "select order_id, reason, not_eligible_reason, price_check, entitled_price_fen, entitled_fen, applied_fen"
        " from ledger.device_decisions where business_date = {on}",
        rows,
    )


def listed(kind: str, rows: str) -> Fact:
    """The orders of one kind in the exceptions, with the amount in fen."""
    return Fact(
        f"exceptions {kind}",
        f"select item_key, amount_fen from marts.exceptions where exception_type = '{kind}'",
        rows,
    )


DEVICES = {
    "data_gift": None,
    "recharge": None,
    "messages": {"templates": []},
    "devices": {
        "channels": ["APP", "HALL"],
        "bands": [
            {"from_fen": 0, "rate_bp": 9500},
            {"from_fen": 100000, "rate_bp": 9000},
            {"from_fen": 300000, "rate_bp": 8500},
        ],
        "limit": 1,
        "hold_days": 60,
        "late_days": 2,
        "ship_days": 3,
        "unpaid_days": 3,
    },
}

STORY = Story(
    "devices",
    terms("2026-02-01", "2026-02-05", DEVICES),
    [
        Day(
            "20260131",
            proves="rules 1.7, 6: an order a second before the campaign begins is refused",
            arrives=[
                subscribers(EVERYBODY),
                CATALOGUE,
                HALLS,
                orders("E-BEFORE O-BEFORE S-EDGE PAID 20260131235959 SKU-1000 1000.00 900.00 APP"),
            ],
            facts=[decided("O-BEFORE|WINDOW||NOT_ENTITLED|100000|0|10000")],
        ),
        Day(
            "20260201",
            proves="rules 6: orders are granted by list, channel and limit, at the price of their band",
            arrives=[
                subscribers(EVERYBODY),
                orders("""
                E-START   O-START   S-EDGE    PAID     20260201000000 SKU-1000 1000.00  900.00 APP
                # bands, half open: 999.99 pays 95 % = 949.9905, 949.99; 2999.99 90 % = 2699.991; 3000 85 % = 2550
                E-BAND1   O-BAND1   S-BAND1   PAID     20260201100000 SKU-999   999.99  949.99 APP
                E-BAND2   O-BAND2   S-BAND2   PAID     20260201100000 SKU-2999 2999.99 2699.99 APP
                E-BAND3   O-BAND3   S-BAND3   PAID     20260201100000 SKU-3000 3000.00 2550.00 APP
                E-HALF    O-HALF    S-HALF    PAID     20260201100000 SKU-0       0.30    0.29 APP
                # paid 950 where 900 is right: 50 yuan are made good; paid 850: 50 too much off
                E-UNDER   O-UNDER   S-UNDER   PAID     20260201100000 SKU-1000 1000.00  950.00 APP
                E-OVER    O-OVER    S-OVER    PAID     20260201100000 SKU-1000 1000.00  850.00 APP
                E-YOUNG   O-YOUNG   S-YOUNG   PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-GHOST   O-GHOST   S-GHOST   PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-NOBODY  O-NOBODY  -none-    PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-HALL1   O-HALL1   S-HALL1   PAID     20260201100000 SKU-1000 1000.00  900.00 HALL:H-OK
                E-HALL2   O-HALL2   S-HALL2   PAID     20260201100000 SKU-1000 1000.00 1000.00 HALL:H-SOON
                # NOT_LISTED is asked before CHANNEL
                E-UNLIST  O-UNLIST  S-UNLIST  PAID     20260201100000 SKU-X    1000.00  900.00 HALL:H-SOON
                E-SOON    O-SOON    S-SOON    PAID     20260201100000 SKU-SOON 1000.00 1000.00 APP
                E-GONE    O-GONE    S-GONE    PAID     20260201100000 SKU-GONE 1000.00 1000.00 APP
                # one device each, by time, then order id; the rows stand in another order
                E-TWO-2   O-TWO-2   S-TWO     PAID     20260201110000 SKU-1000 1000.00 1000.00 APP
                E-TWO-1   O-TWO-1   S-TWO     PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-TIES-2  O-TIES-2  S-TIES    PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-TIES-1  O-TIES-1  S-TIES    PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                # returned in the run that sees it: it takes no place
                E-BACK-1  O-BACK-1  S-BACK    PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-BACK-R  O-BACK-1  S-BACK    RETURNED 20260201120000
                E-BACK-2  O-BACK-2  S-BACK    PAID     20260201130000 SKU-1000 1000.00  900.00 APP
                # returned later: the next order refused only for LIMIT takes the place
                E-NEXT-1  O-NEXT-1  S-NEXT    PAID     20260201100000 SKU-3000 3000.00 2550.00 APP
                E-NEXT-2  O-NEXT-2  S-NEXT    PAID     20260201110000 SKU-1000 1000.00  980.00 APP
                E-NEXT-3  O-NEXT-3  S-NEXT    PAID     20260201120000 SKU-1000 1000.00 1000.00 APP
                # a return that comes before its order waits for it
                E-EARLY-R O-EARLY   S-EARLY   RETURNED 20260201120000
                # two contents under one id; two payments of one order
                E-CONF    O-CONF    S-CONF    PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-CONF    O-CONF    S-CONF    PAID     20260201100000 SKU-1000 1000.00  950.00 APP
                E-TWICE-1 O-TWICE   S-TWICE   PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-TWICE-2 O-TWICE   S-TWICE   PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-NOPRICE O-NOPRICE S-NOPRICE PAID     20260201100000 SKU-1000 1000.00  -none- APP
                # shipped before paid, as the files come
                E-ROB-S   O-ROBUST  S-ROBUST  SHIPPED  20260201180000
                E-SHIPS   O-SHIPS   S-SHIPS   PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-SHIPS-S O-SHIPS   S-SHIPS   SHIPPED  20260201180000
                # a make-good that is paid and taken back
                E-CLAW    O-CLAW    S-CLAW    PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-CANCEL  O-CANCEL  S-CANCEL  PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                # the order says another list price: the list decides
                E-WRONG   O-WRONG   S-WRONG   PAID     20260201100000 SKU-1000  900.00  900.00 APP
                """),
            ],
            out={
                "credit": """
                    under|S-UNDER|13000000006|5000|MAKE_GOOD|||O-UNDER
                    claw|S-CLAW|13000000026|10000|MAKE_GOOD|||O-CLAW
                    cancel|S-CANCEL|13000000030|10000|MAKE_GOOD|||O-CANCEL
                """,
                "device_decision": """
                    start|O-START|S-EDGE|GRANTED|90000|90000|GRANTED
                    band1|O-BAND1|S-BAND1|GRANTED|94999|94999|GRANTED
                    band2|O-BAND2|S-BAND2|GRANTED|269999|269999|GRANTED
                    band3|O-BAND3|S-BAND3|GRANTED|255000|255000|GRANTED
                    half|O-HALF|S-HALF|GRANTED|29|29|GRANTED
                    d-under|O-UNDER|S-UNDER|GRANTED|90000|95000|GRANTED
                    d-over|O-OVER|S-OVER|GRANTED|90000|85000|GRANTED
                    young|O-YOUNG|S-YOUNG|REFUSED|100000|100000|TENURE
                    ghost|O-GHOST|S-GHOST|REFUSED|100000|90000|UNKNOWN
                    nobody|O-NOBODY||REFUSED|100000|100000|UNKNOWN
                    hall1|O-HALL1|S-HALL1|GRANTED|90000|90000|GRANTED
                    hall2|O-HALL2|S-HALL2|REFUSED|100000|100000|CHANNEL
                    unlist|O-UNLIST|S-UNLIST|REFUSED|100000|90000|NOT_LISTED
                    soon|O-SOON|S-SOON|REFUSED|100000|100000|NOT_LISTED
                    gone|O-GONE|S-GONE|REFUSED|100000|100000|NOT_LISTED
                    two-1|O-TWO-1|S-TWO|GRANTED|90000|90000|GRANTED
                    two-2|O-TWO-2|S-TWO|REFUSED|100000|100000|LIMIT
                    ties-1|O-TIES-1|S-TIES|GRANTED|90000|90000|GRANTED
                    ties-2|O-TIES-2|S-TIES|REFUSED|100000|100000|LIMIT
                    back-1|O-BACK-1|S-BACK|REFUSED|100000|90000|RETURNED
                    back-2|O-BACK-2|S-BACK|GRANTED|90000|90000|GRANTED
                    next-1|O-NEXT-1|S-NEXT|GRANTED|255000|255000|GRANTED
                    next-2|O-NEXT-2|S-NEXT|REFUSED|100000|98000|LIMIT
                    next-3|O-NEXT-3|S-NEXT|REFUSED|100000|100000|LIMIT
                    conf|O-CONF|S-CONF|REFUSED|100000|*|CONFLICT
                    twice|O-TWICE|S-TWICE|GRANTED|90000|90000|GRANTED
                    ships|O-SHIPS|S-SHIPS|GRANTED|90000|90000|GRANTED
                    d-claw|O-CLAW|S-CLAW|GRANTED|90000|100000|GRANTED
                    d-cancel|O-CANCEL|S-CANCEL|GRANTED|90000|100000|GRANTED
                    wrong|O-WRONG|S-WRONG|GRANTED|90000|90000|GRANTED
                """,
            },
            # the make-good of S-CANCEL is asked for again, and its device comes back before it has gone
            answers={"credit": Answer(refuse={"S-CANCEL": "90"}), "device_decision": Answer(refuse={"O-HALF": "90"})},
            facts=[
                decided("""
                O-START|GRANTED||MATCH|90000|10000|10000
                O-BAND1|GRANTED||MATCH|94999|5000|5000
                O-BAND2|GRANTED||MATCH|269999|30000|30000
                O-BAND3|GRANTED||MATCH|255000|45000|45000
                O-HALF|GRANTED||MATCH|29|1|1
                O-UNDER|GRANTED||UNDER|90000|10000|5000
                O-OVER|GRANTED||OVER|90000|10000|15000
                O-YOUNG|NOT_ELIGIBLE|TENURE|MATCH|100000|0|0
                O-GHOST|NOT_ELIGIBLE|UNKNOWN|NOT_ENTITLED|100000|0|10000
                O-NOBODY|NOT_ELIGIBLE|UNKNOWN|MATCH|100000|0|0
                O-HALL1|GRANTED||MATCH|90000|10000|10000
                O-HALL2|CHANNEL||MATCH|100000|0|0
                O-UNLIST|NOT_LISTED||NOT_ENTITLED|100000|0|10000
                O-SOON|NOT_LISTED||MATCH|100000|0|0
                O-GONE|NOT_LISTED||MATCH|100000|0|0
                O-TWO-1|GRANTED||MATCH|90000|10000|10000
                O-TWO-2|LIMIT||MATCH|100000|0|0
                O-TIES-1|GRANTED||MATCH|90000|10000|10000
                O-TIES-2|LIMIT||MATCH|100000|0|0
                O-BACK-1|RETURNED||NOT_ENTITLED|100000|0|10000
                O-BACK-2|GRANTED||MATCH|90000|10000|10000
                O-NEXT-1|GRANTED||MATCH|255000|45000|45000
                O-NEXT-2|LIMIT||NOT_ENTITLED|100000|0|2000
                O-NEXT-3|LIMIT||MATCH|100000|0|0
                O-CONF|CONFLICT||NOT_CHECKED|100000|0|*
                O-TWICE|GRANTED||MATCH|90000|10000|10000
                O-NOPRICE|NO_PRICE||NOT_CHECKED|100000|0|
                O-SHIPS|GRANTED||MATCH|90000|10000|10000
                O-CLAW|GRANTED||UNDER|90000|10000|0
                O-CANCEL|GRANTED||UNDER|90000|10000|0
                O-WRONG|GRANTED||MATCH|90000|10000|10000
                """),
                listed("DEVICE_OVER", "O-OVER|5000"),
                listed(
                    "DEVICE_NOT_ENTITLED",
                    "O-BEFORE|10000\nO-GHOST|10000\nO-UNLIST|10000\nO-BACK-1|10000\nO-NEXT-2|2000",
                ),
                listed("DEVICE_CONFLICT", "O-CONF|90000\nO-CONF|95000"),
                listed("DEVICE_NO_PRICE", "O-NOPRICE|"),
                listed("DEVICE_LIST_PRICE", "O-WRONG|-10000"),
                # START, HALL1, TWO, TIES, BACK-2, TWICE, SHIPS, WRONG, OVER 9 x 100; BAND1 50, BAND2 300, BAND3 and
                # NEXT-1 2 x 450; HALF 0.01; UNDER 50; CLAW and CANCEL 0 until the make-goods are paid: 50, 100 and 100
                costs("B3", "subsidies of the first day; make-goods promised", "25000|220001"),
            ],
        ),
        Day(
            "20260202",
            proves="rules 6: a returned device cancels its subsidy and frees the limit for the next order",
            arrives=[
                subscribers(but(EVERYBODY, "S-WAITS status=S status_date=20260202")),
                orders("""
                E-ROB-P   O-ROBUST  S-ROBUST  PAID     20260201170000 SKU-1000 1000.00  900.00 APP
                E-EARLY   O-EARLY   S-EARLY   PAID     20260201100000 SKU-1000 1000.00  900.00 APP
                E-NEXT-R  O-NEXT-1  S-NEXT    RETURNED 20260202090000
                E-CLAW-R  O-CLAW    S-CLAW    RETURNED 20260202090000
                E-CANC-R  O-CANCEL  S-CANCEL  RETURNED 20260202090000
                # a decided order with other content: the first stands
                E-TWICE-3 O-TWICE   S-TWICE   PAID     20260201100000 SKU-1000 1000.00  800.00 APP
                # suspended when it is due: its make-good waits
                E-WAITS   O-WAITS   S-WAITS   PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-LEAVES  O-LEAVES  S-LEAVES  PAID     20260201100000 SKU-1000 1000.00 1000.00 APP
                E-STRAY   O-STRAY   S-HALL2   DELIVERED 20260202090000
                """),
            ],
            out={
                # of S-NEXT's second order 100 are due and 20 were taken off
                "credit": """
                    next-2-good|S-NEXT|13000000017|8000|MAKE_GOOD|||O-NEXT-2
                    leaves|S-LEAVES|13000000028|10000|MAKE_GOOD|||O-LEAVES
                    claw-back|S-CLAW|13000000026|10000|CLAWBACK|||O-CLAW
                """,
                "device_decision": """
                    half|O-HALF|S-HALF|GRANTED|29|29|GRANTED
                    robust|O-ROBUST|S-ROBUST|GRANTED|90000|90000|GRANTED
                    early|O-EARLY|S-EARLY|REFUSED|100000|90000|RETURNED
                    next-1-back|O-NEXT-1|S-NEXT|RETURNED|300000|255000|RETURNED
                    next-2-now|O-NEXT-2|S-NEXT|GRANTED|90000|98000|GRANTED
                    claw-returned|O-CLAW|S-CLAW|RETURNED|100000|100000|RETURNED
                    cancel-returned|O-CANCEL|S-CANCEL|RETURNED|100000|100000|RETURNED
                    d-waits|O-WAITS|S-WAITS|GRANTED|90000|100000|GRANTED
                    d-leaves|O-LEAVES|S-LEAVES|GRANTED|90000|100000|GRANTED
                """,
            },
            answers={"credit": Answer(refuse={"S-LEAVES": "90"})},
            facts=[
                decided("""
                O-ROBUST|GRANTED||MATCH|90000|10000|10000
                O-EARLY|RETURNED||NOT_ENTITLED|100000|0|10000
                O-NEXT-2|GRANTED||UNDER|90000|10000|2000
                O-WAITS|GRANTED||UNDER|90000|10000|0
                O-LEAVES|GRANTED||UNDER|90000|10000|0
                """),
                listed("DEVICE_CONFLICT", "O-CONF|90000\nO-CONF|95000\nO-TWICE|90000\nO-TWICE|90000\nO-TWICE|80000"),
                # actual: 2200.01 - 450 (NEXT-1) + 20 (NEXT-2) + 100 (ROBUST); + 50 and 100, make-goods (UNDER, CLAW),
                # accepted. committed: NEXT-2 80, WAITS 100, LEAVES 100; CANCEL's is cancelled, CLAW's 100 claimed
                costs("B3", "returns, make-goods answered", "18000|202001"),
            ],
        ),
        Day(
            "20260203",
            proves="rules 4.7, 6: a model counts from its day on the list, and who leaves forfeits his make-good",
            arrives=[
                subscribers(but(EVERYBODY, "S-LEAVES status=C status_date=20260203")),
                orders("""
                E-SOON-2  O-SOON-2  S-SOON    PAID     20260203100000 SKU-SOON 1000.00  900.00 APP
                E-ROB-D   O-ROBUST  S-ROBUST  DELIVERED 20260203100000
                # late, but the list is kept: the second device of 1 February
                E-LATE    O-LATE    S-BAND1   PAID     20260201090000 SKU-1000 1000.00  900.00 APP
                """),
            ],
            out={
                "credit": "waits|S-WAITS|13000000027|10000|MAKE_GOOD|||O-WAITS",
                "device_decision": """
                    soon-2|O-SOON-2|S-SOON|GRANTED|90000|90000|GRANTED
                    late|O-LATE|S-BAND1|REFUSED|100000|90000|LIMIT
                """,
            },
            facts=[
                decided("O-SOON-2|GRANTED||MATCH|90000|10000|10000\nO-LATE|LIMIT||NOT_ENTITLED|100000|0|10000"),
                Fact(
                    "the make-good of who left is forfeited",
                    "select item_key = grant_key, amount_fen from marts.exceptions"
                    " join ledger.credit_obligations using (amount_fen, subscriber_id)"
                    " where exception_type = 'INSTALMENT_FORFEITED'",
                    "True|10000",
                ),
                # actual + 80 (NEXT-2) - 100 (CLAW taken back) + 100 (SOON-2); promised is what waited, 100
                costs("B3", "make-goods paid, claimed, forfeited", "10000|210001"),
            ],
        ),
        Day(
            "20260204",
            proves="rules 6: an online order not shipped in 3 days is listed",
            arrives=[subscribers(EVERYBODY)],
            facts=[
                # paid in the app on 1 February and not shipped by the close of 4 February; halls have theirs there
                Fact(
                    "online orders not shipped in 3 days",
                    "select order_id from marts.device_orders where is_shipping_late"
                    " except select item_key from marts.exceptions where exception_type = 'DEVICE_NOT_SHIPPED'",
                    "",
                ),
                Fact(
                    "orders of some, as shipping and after-sales see them: state, days open, late, decision, subsidy",
                    "select order_id, order_state, days_open, is_shipping_late, decision, subsidy_fen"
                    " from marts.device_orders where order_id in"
                    " ('O-START', 'O-HALL1', 'O-SHIPS', 'O-ROBUST', 'O-NEXT-1', 'O-NEXT-2', 'O-STRAY', 'O-SOON-2')",
                    """
                    O-START|PAID|3|True|GRANTED|10000
                    O-HALL1|PAID|3|False|GRANTED|10000
                    O-SHIPS|SHIPPED|3|False|GRANTED|10000
                    O-ROBUST|DELIVERED|2|False|GRANTED|10000
                    O-NEXT-1|RETURNED|1|False|GRANTED|0
                    O-NEXT-2|PAID|3|True|GRANTED|2000
                    O-STRAY|DELIVERED||False||
                    O-SOON-2|PAID|1|False|GRANTED|10000
                    """,
                ),
            ],
        ),
        Day(
            "20260205",
            proves="rules 1.7, 6: an order in the campaign's last second is granted",
            arrives=[
                subscribers(EVERYBODY),
                orders("E-LAST O-LAST S-HALL2 PAID 20260205235959 SKU-1000 1000.00 900.00 APP"),
            ],
            out={"device_decision": "last|O-LAST|S-HALL2|GRANTED|90000|90000|GRANTED"},
            facts=[
                decided("O-LAST|GRANTED||MATCH|90000|10000|10000"),
                # first heard of on 2 February, and listed after 3 days
                listed("DEVICE_UNPAID", "O-STRAY|"),
            ],
        ),
        Day(
            "20260207",
            proves="rules 4.9, 6: a late order is honoured in a file of the last day that is allowed",
            arrives=[
                subscribers(EVERYBODY, date="20260206"),
                subscribers(EVERYBODY),
                orders("E-OK O-OK S-LATE PAID 20260205120000 SKU-1000 1000.00 900.00 APP"),
            ],
            out={"device_decision": "ok|O-OK|S-LATE|GRANTED|90000|90000|GRANTED"},
            facts=[decided("O-OK|GRANTED||MATCH|90000|10000|10000")],
        ),
        Day(
            "20260208",
            proves="rules 4.9, 6: a day later it is LATE and listed, but a return still cancels its subsidy",
            arrives=[
                subscribers(EVERYBODY),
                orders("""
                E-LATE-2 O-TOOLATE S-TOOLATE PAID     20260205120000 SKU-1000 1000.00  900.00 APP
                E-AFTER  O-AFTER   S-TOOLATE PAID     20260206000000 SKU-1000 1000.00 1000.00 APP
                E-LAST-R O-LAST    S-HALL2   RETURNED 20260208100000
                """),
            ],
            out={
                "device_decision": """
                    toolate|O-TOOLATE|S-TOOLATE|REFUSED|100000|90000|LATE
                    last-back|O-LAST|S-HALL2|RETURNED|100000|90000|RETURNED
                """,
            },
            facts=[
                decided("O-TOOLATE|LATE||NOT_ENTITLED|100000|0|10000\nO-AFTER|WINDOW||MATCH|100000|0|0"),
                listed("LATE_DEVICE_ORDER", "O-TOOLATE|10000"),
                costs("B3", "100 for WAITS, and for OK; the last device came back after the campaign", "0|230001"),
                Fact(
                    "participation: devices that were kept, by day",
                    "select to_char(day, 'YYYYMMDD'), sum(participations) from marts.participation_by_day"
                    " where benefit = 'DEVICE' group by 1",
                    # 1 February: START, BAND1-3, HALF, UNDER, OVER, HALL1, TWO-1, TIES-1, BACK-2, NEXT-2, TWICE, SHIPS,
                    # WRONG, ROBUST, WAITS, LEAVES; 3 February: SOON-2; 5 February: OK (LAST came back)
                    "20260201|18\n20260203|1\n20260205|1",
                ),
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
