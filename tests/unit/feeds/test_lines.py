"""Lines judged: each reason, the calendar, GB18030's trap, and what holds for whatever bytes come."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.rows import rows, some

from laoyouhui.config.carrier import Column, Feed, FileForm, load_carrier
from laoyouhui.feeds.lines import LONGEST_LINE, LineJudge, LineTooLongError, control_total

CARRIER = load_carrier(Path(__file__).parents[3] / "carriers" / "china_unicom.yml")
CLOSES = date(2026, 1, 5)
JUDGES = {name: LineJudge(feed, CARRIER.files, CLOSES) for name, feed in CARRIER.feeds.items()}

SUBSCRIBER = "S1|13012345678|C1|010|20150131|A|20200101|CONSUMER|MAIN|Y||20190101|P1|1980|F|Y"
RECHARGE = "R1|S1|13012345678|20260105101112|RECHARGE||10000|9500|APP||"
EXPENSE = "V1|20260105|B7|1234.50|场地"
HALL = "H1|王府井厅|010|20260101|"


def fault(feed: str, line: str | bytes) -> tuple[str, str | None] | None:
    raw = line.encode("gb18030") if isinstance(line, str) else line
    judged = JUDGES[feed].judge(raw, 1)
    assert len(judged.lines) + len(judged.bad) == 1
    return (judged.bad[0].reason, judged.bad[0].field) if judged.bad else None


@pytest.mark.parametrize(
    ("feed", "line"),
    [
        ("subscriber", SUBSCRIBER),
        ("subscriber", "S1|||||A||||||||||"),  # a missing activation date is the campaign's business
        ("subscriber", SUBSCRIBER.replace("20150131", "20160229")),
        ("subscriber", SUBSCRIBER.replace("20150131", "20000229")),
        ("recharge", RECHARGE),
        ("recharge", "R2|S1||20260105235959|REVERSAL|R1|-10000|-9500|HALL|H1|T1"),
        ("recharge", RECHARGE.replace("10000|9500", "1|1")),
        ("recharge", RECHARGE.replace("10000|9500", "10000000|10000000")),
        ("recharge", "R2|S1||20260105235959|REVERSAL|R1|0|-10000000|HALL|H1|T1"),
        ("expense", EXPENSE),
        ("expense", "V1|20260105|B7|-0.05|"),
        ("hall", HALL),
        ("hall", "H1|億達墊江厅|010||"),  # both hold the byte of '|' in GB18030
        ("hall", "H1|厅𠮷\ufeff\u200d {secret:1} <b> \\ NULLS|010||"),
        ("hall", "H1|none|010||"),  # a word that people use
        ("hall", "H_1.a:b-c|厅|NANJING||99991231"),
        ("optout", "E1|13012345678||20270101000000|OUT|SMS"),  # an OUT of the future counts when it is known
        ("card_stock", "AB-12|TENCENT|20260201|20361231|15.00"),  # may be issued from February on
    ],
)
def test_good_lines(feed: str, line: str) -> None:
    assert fault(feed, line) is None


@pytest.mark.parametrize(
    ("feed", "line", "reason", "field"),
    [
        ("subscriber", "", "FIELDS", None),
        ("subscriber", SUBSCRIBER + "|", "FIELDS", None),
        ("subscriber", SUBSCRIBER.rsplit("|", 1)[0], "FIELDS", None),
        ("subscriber", SUBSCRIBER + "\r", "TYPE", None),
        ("subscriber", SUBSCRIBER.replace("S1|", "|"), "REQUIRED", "subscriber_id"),
        ("subscriber", SUBSCRIBER.replace("|A|", "||"), "REQUIRED", "status"),
        ("subscriber", SUBSCRIBER.replace("|A|", "|X|"), "CODE", "status"),
        ("subscriber", SUBSCRIBER.replace("|A|", "|a|"), "CODE", "status"),
        ("subscriber", SUBSCRIBER.replace("S1|", "S" * 65 + "|"), "LENGTH", "subscriber_id"),
        ("subscriber", SUBSCRIBER.replace("S1|", "S 1|"), "TYPE", "subscriber_id"),
        ("subscriber", SUBSCRIBER.replace("20150131", "20150229"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "19000229"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "20150431"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "00000101"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "00000229"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "2015-1-1"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("20150131", "２０150131"), "TYPE", "activation_date"),
        ("subscriber", SUBSCRIBER.replace("1980", "1879"), "RANGE", "birth_year"),
        ("subscriber", SUBSCRIBER.replace("1980", "19x0"), "TYPE", "birth_year"),
        ("subscriber", SUBSCRIBER.replace("P1", "P\0"), "NUL", None),
        ("subscriber", SUBSCRIBER.encode().replace(b"P1", b"P\xff"), "ENCODING", None),
        ("recharge", RECHARGE.replace("101112", "241112"), "TYPE", "recharged_at"),
        ("recharge", RECHARGE.replace("20260105101112", "20260105"), "TYPE", "recharged_at"),
        ("recharge", RECHARGE.replace("10000|", "100.00|"), "TYPE", "face_amount"),
        ("recharge", RECHARGE.replace("10000|", "10000001|"), "RANGE", "face_amount"),
        ("recharge", RECHARGE.replace("9500", "-10000001"), "RANGE", "paid_amount"),
        ("recharge", RECHARGE.replace("10000|", "9" * 5000 + "|"), "TYPE", "face_amount"),
        ("recharge", RECHARGE.replace("9500", ""), "REQUIRED", "paid_amount"),
        ("recharge", RECHARGE.replace("APP", "WEB"), "CODE", "channel"),
        ("expense", EXPENSE.replace("1234.50", "1234.5"), "TYPE", "amount_yuan"),
        ("expense", EXPENSE.replace("1234.50", "123450"), "TYPE", "amount_yuan"),
        ("expense", EXPENSE.replace("1234.50", "100000000.01"), "RANGE", "amount_yuan"),
        ("expense", EXPENSE.replace("场地", "场" * 501), "LENGTH", "memo"),
        ("recharge", RECHARGE.replace("R1|", "R-{secret:1|"), "TYPE", "recharge_id"),
        ("recharge", RECHARGE.replace("|S1|", "|NULL|"), "TYPE", "subscriber_id"),
        ("recharge", RECHARGE.replace("13012345678", "{secret:"), "TYPE", "msisdn"),
        ("recharge", RECHARGE.replace("10000|9500", "10000|0"), "RANGE", "paid_amount"),
        ("recharge", RECHARGE.replace("10000|9500", "10000|-1"), "RANGE", "paid_amount"),
        ("recharge", RECHARGE.replace("10000|9500", "10000|10001"), "RANGE", "paid_amount"),
        ("recharge", RECHARGE.replace("20260105101112", "20260106000000"), "FUTURE", "recharged_at"),
        ("recharge", RECHARGE.replace("20260105101112", "99991231000000"), "TYPE", "recharged_at"),
        ("subscriber", SUBSCRIBER.replace("C1", "\\N"), "TYPE", "customer_id"),
        ("subscriber", SUBSCRIBER.replace("C1", "Null"), "TYPE", "customer_id"),
        ("subscriber", SUBSCRIBER.replace("C1", "-"), "TYPE", "customer_id"),
        ("subscriber", SUBSCRIBER.replace("13012345678", "1.3E+10"), "TYPE", "msisdn"),
        ("subscriber", SUBSCRIBER.replace("13012345678", '"13012345678"'), "TYPE", "msisdn"),
        ("subscriber", SUBSCRIBER.replace("13012345678", "8623012345678"), "TYPE", "msisdn"),
        ("optout", "E1|13012345678||20260106000000|IN|SMS", "FUTURE", "at"),
        ("card_claim", "C1|S1|20260106000000|IQIYI", "FUTURE", "claimed_at"),
        ("social", "WEIBO|20270126|老友惠|5|5|5", "FUTURE", "day"),
        ("social", "WEIBO|20260105|老友惠|5|1000000000001|5", "RANGE", "impressions"),
        ("expense", EXPENSE.replace("20260105", "20260106"), "FUTURE", "booked_on"),
        ("expense", EXPENSE.replace("B7", "TOTAL"), "CODE", "budget_line"),
        ("expense", EXPENSE.replace("B7", "B5"), "CODE", "budget_line"),
        ("expense", EXPENSE.replace("场地", "null"), "TYPE", "memo"),
        ("survey", "V1|S1|20260105101112|20260106101112|5|10|DATA_GIFT|", "FUTURE", "answered_at"),
        ("stock_movement", "M1|CUP|GIFT|20260105101112|1000001|1.00|", "RANGE", "quantity"),
        *[
            ("hall", f"H1|厅{sign}|010||", "TYPE", "name")
            for sign in "\u2028\x85\x1b\t\u202e\u2067\ufffe\U0010ffff\x7f"
        ],
        ("hall", b"H1|\x81", "ENCODING", None),  # a character cut short at the line's end
        ("hall", "H1|億達", "FIELDS", None),
    ],
)
def test_bad_lines_and_their_reasons(feed: str, line: str | bytes, reason: str, field: str | None) -> None:
    assert fault(feed, line) == (reason, field)


@pytest.mark.parametrize(("quantity", "is_good"), [("+20", True), ("-20", True), ("20", True), ("+-20", False)])
def test_stock_moves_in_and_out(quantity: str, is_good: bool) -> None:
    judged = JUDGES["stock_movement"].judge(f"M1|CUP|GIFT|20260101101112|{quantity}|1.00|".encode(), 1)
    assert bool(judged.lines) is is_good


TIMES = [
    (name, column)
    for name, feed in CARRIER.feeds.items()
    for column in feed.columns
    if feed.kind == "events" and column.type in {"date", "timestamp"}
]
NEVER_LATE = {("card_stock", "received_on"), ("card_stock", "expires_on")}


@pytest.mark.parametrize(("name", "column"), TIMES, ids=lambda part: getattr(part, "name", part))
def test_no_event_of_any_feed_is_later_than_the_day_that_its_file_closes(name: str, column: Column) -> None:
    """Up to its last second; from the midnight after it on the row is of the future (rules, 12)."""
    feed = CARRIER.feeds[name]
    at = [each.name for each in feed.columns].index(column.name)
    (row,) = some(rows(feed, CARRIER.files, CLOSES, {}), 1, random.Random(1))  # noqa: S311 (no secret)
    time = "" if column.type == "date" else "{}"
    said = {}
    for day, clock in (("20260105", "235959"), ("20260106", "000000"), ("20260108", "120000")):
        row[at] = day + time.format(clock)
        if name == "optout":
            row[[each.name for each in feed.columns].index("action")] = "IN"
        said[day] = fault(name, "|".join(row))
    future = None if (name, column.name) in NEVER_LATE else ("FUTURE", column.name)
    assert said == {"20260105": None, "20260106": future, "20260108": future}


def test_a_bad_row_is_kept_as_it_came() -> None:
    block = "\n".join([RECHARGE, "億|x", RECHARGE]).encode("gb18030")
    judged = JUDGES["recharge"].judge(block, 41)
    (bad,) = judged.bad
    assert (bad.line_no, bad.text, bad.raw) == (42, "億|x", "億|x".encode("gb18030"))
    assert bad.expected == "11 fields, found 2"
    assert list(judged.numbers) == [41, 43]
    assert judged.lines == [RECHARGE, RECHARGE]


def test_the_control_total_counts_bad_rows_whose_amount_can_be_read() -> None:
    lines = [
        RECHARGE,
        RECHARGE.replace("APP", "WEB"),
        RECHARGE.replace("10000|", "|"),
        RECHARGE.replace("10000|", "1e4|"),
    ]
    judged = JUDGES["recharge"].judge("\n".join([*lines, "x"]).encode(), 1)
    assert (judged.control_total, judged.unreadable, len(judged.bad)) == (20000, 2, 4)


@pytest.mark.parametrize(
    ("said", "unit", "fen"),
    [("1234", "fen", 1234), ("-5", "fen", -5), ("12.50", "yuan", 1250), ("-0.05", "yuan", -5), ("12", "yuan", 1200),
     ("12.5", "yuan", 1250), ("12.50", "fen", None), ("", "fen", None), ("x", "yuan", None)],
)  # fmt: skip
def test_a_control_total_is_read_in_its_columns_unit(said: str, unit: str, fen: int | None) -> None:
    assert control_total(said, Column.model_validate({"name": "amount", "type": unit})) == fen


def test_a_line_of_more_than_64_kb_is_no_row() -> None:
    with pytest.raises(LineTooLongError):
        JUDGES["hall"].judge(b"x" * (LONGEST_LINE + 1), 1)


@given(st.lists(st.binary(max_size=80) | st.just(RECHARGE.encode()) | st.just(HALL.encode("gb18030")), min_size=1))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_each_line_is_loaded_or_quarantined(lines: list[bytes]) -> None:
    block = b"\n".join(lines)
    count = block.count(b"\n") + 1
    for name, judge in JUDGES.items():
        judged = judge.judge(block, 5)
        assert sorted([*judged.numbers, *(bad.line_no for bad in judged.bad)]) == list(range(5, 5 + count))
        for line in judged.lines:
            assert line.count("|") == len(CARRIER.feeds[name].columns) - 1
            assert not set(line) & set("\0\r\n")
        for bad in judged.bad:
            is_secret = bool(CARRIER.feeds[name].secrets)
            assert bad.raw == (b"***" if is_secret else block.split(b"\n")[bad.line_no - 5])


@pytest.mark.parametrize("name", CARRIER.feeds)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_a_valid_row_goes_through_as_it_came(name: str, data: st.DataObject) -> None:
    columns = CARRIER.feeds[name].columns
    words = data.draw(rows(CARRIER.feeds[name], CARRIER.files, CLOSES, {}))
    judged = JUDGES[name].judge("|".join(words).encode("gb18030"), 1)
    ours = "|".join(
        column.codes.get(word, word) if column.type != "phone" else word[-11:]
        for column, word in zip(columns, words, strict=True)
    )
    assert (judged.lines, judged.bad) == ([ours], [])


def test_another_carriers_words_for_codes_become_ours() -> None:
    feed = Feed.model_validate(
        {
            "kind": "events",
            "file_pattern": "{feed}_{date}_{seq}",
            "key": ["id"],
            "columns": [
                {"name": "id", "type": "id", "required": True},
                {"name": "status", "type": "code", "codes": {"1": "A", "2": "S"}},
                {"name": "note", "type": "text"},
            ],
        }
    )
    form = FileForm(encoding="utf-8", delimiter=",", header=False, suffix=".csv")
    judged = LineJudge(feed, form).judge("a,1,|墊\nb,,\nc,A,".encode(), 1)
    assert judged.lines == ["a,A,|墊", "b,,"]
    assert [(bad.line_no, bad.reason, bad.expected) for bad in judged.bad] == [(3, "CODE", "one of 1, 2")]


def respelling(**form: object) -> LineJudge:
    feed = Feed.model_validate(
        {
            "kind": "events",
            "file_pattern": "{feed}_{date}_{seq}",
            "key": ["id"],
            "columns": [
                {"name": "id", "type": "id", "required": True},
                {"name": "number", "type": "phone"},
                {"name": "on", "type": "date"},
                {"name": "amount", "type": "int"},
            ],
        }
    )
    return LineJudge(feed, CARRIER.files.model_copy(update=form), CLOSES)


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("a|+8613000000001||", "a|13000000001||"),
        ("a|008613000000001|20260105|1", "a|13000000001|20260105|1"),
        ("a|8613000000001|\\N|NULL", "a|13000000001||"),
        ("a|NULL|NULL|5", "a|||5"),
        ("a|13000000001|20260105|5", "a|13000000001|20260105|5"),
        ("a|+868613000000001||", "TYPE number"),
        ("a|86||", "TYPE number"),
        ("NULL|||", "REQUIRED id"),
        ("null|||", "TYPE id"),
        ("a|NULL|20260106|NULL", "FUTURE on"),
        ("a|NULL||1000000000001", "RANGE amount"),
    ],
)
def test_prefixes_and_declared_words_for_nothing_become_what_they_mean(line: str, becomes: str) -> None:
    judged = respelling(nulls=("\\N", "NULL")).judge(line.encode(), 1)
    assert [*judged.lines, *(f"{bad.reason} {bad.field}" for bad in judged.bad)] == [becomes]


def test_ids_hold_what_the_profile_names() -> None:
    assert respelling(id_characters="/#").judge(b"a/b#1|||", 1).lines == ["a/b#1|||"]
    assert not respelling(id_characters="/#").judge(b"a.b|||", 1).lines


def test_of_a_bad_line_with_secrets_nothing_is_kept() -> None:
    lines = ["NULL", "TOP-SECRET-CODE\u2028", "TOP-SECRET-CODE{", "T" * 65]
    block = "\n".join(f"{code}|TENCENT|20260105|20261231|15.00" for code in lines)
    late = "\nTOP-SECRET-CODE|TENCENT|22000105|20261231|15.00\nTOP-SECRET-CODE|TOP-SECRET-CODE"
    judged = JUDGES["card_stock"].judge((block + late).encode("gb18030"), 1)
    assert [bad.reason for bad in judged.bad] == ["TYPE", "TYPE", "TYPE", "LENGTH", "TYPE", "FIELDS"]
    assert "SECRET" not in repr(judged)


def test_a_payment_is_held_against_a_face_amount_of_another_unit() -> None:
    feed = CARRIER.feeds["recharge"]
    columns = [
        column.model_copy(update={"type": "yuan", "min": -100_000, "max": 100_000, "usual": None})
        if column.name == "face_amount"
        else column
        for column in feed.columns
    ]
    judge = LineJudge(feed.model_copy(update={"columns": tuple(columns)}), CARRIER.files, CLOSES)
    assert judge.judge(RECHARGE.replace("10000|9500", "100.00|10000").encode(), 1).bad == []
    (bad,) = judge.judge(RECHARGE.replace("10000|9500", "100.00|10001").encode(), 1).bad
    assert (bad.reason, bad.field) == ("RANGE", "paid_amount")
