"""The sample carrier delivers what the interface says, the same in any order, and answers like a stranger."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from laoyouhui.feeds.answers import Answer, parse_answer
from laoyouhui_local.sample.carrier import SampleCarrier
from laoyouhui_local.sample.facts import facts, payments

STARTS_ON = date(2026, 1, 26)
EVE = date(2026, 1, 25)


def carrier(exchange: Path, subscribers: int = 300, seed: int = 2026) -> SampleCarrier:
    return SampleCarrier(exchange, campaign_starts_on=STARTS_ON, subscribers=subscribers, seed=seed)


def days(count: int) -> list[date]:
    return [EVE + timedelta(days=k) for k in range(count)]


def contents(exchange: Path) -> dict[str, bytes]:
    return {str(path.relative_to(exchange)): path.read_bytes() for path in exchange.rglob("*") if path.is_file()}


def rows(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("gb18030")
    return [line.split("|") for line in text.split("\n")[:-1]]


def feed(exchange: Path, name: str, day: date, seq: int = 1) -> list[list[str]]:
    (path,) = (exchange / "in" / name).glob(f"{name}_{day:%Y%m%d}_{seq:04d}.txt*")
    return rows(path)


def send(exchange: Path, interface: str, day: date, lines: list[str], *, seq: int = 1, total: str = "") -> str:
    stem = f"{interface}_lyh2026_{day:%Y%m%d}_{seq:04d}"
    folder = exchange / "out" / interface
    folder.mkdir(parents=True, exist_ok=True)
    raw = "".join(f"{line}\n" for line in lines).encode("gb18030")
    (folder / f"{stem}.txt").write_bytes(raw)
    check = f"{stem}.txt|{len(raw)}|{len(lines)}|{hashlib.sha256(raw).hexdigest()}|{total}\n"
    (folder / f"{stem}.chk").write_text(check, encoding="ascii")
    return stem


def answer(exchange: Path, stem: str) -> Answer:
    return parse_answer((exchange / "ack" / stem.rsplit("_", 3)[0] / f"{stem}.rsp").read_bytes())


def grant(key: int, subscriber_id: str, msisdn: str) -> str:
    return f"{key:032x}|{subscriber_id}|{msisdn}|LYHMLD5G|5120|20260126|20260131"


def test_order_and_restarts_do_not_change_a_byte(tmp_path: Path) -> None:
    forward, backward = tmp_path / "forward", tmp_path / "backward"
    one = carrier(forward)
    for day in days(12):
        one.deliver(day)
    for day in reversed(days(12)):
        carrier(backward).deliver(day)
    assert contents(forward) == contents(backward)
    before = contents(forward)
    for day in days(12):
        one.deliver(day)
    assert contents(forward) == before


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    carrier(tmp_path / "a", seed=1).deliver(EVE)
    carrier(tmp_path / "b", seed=2).deliver(EVE)
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


def test_check_files_tell_the_truth_but_for_the_broken_delivery(tmp_path: Path) -> None:
    amounts = {"recharge": 6, "expense": 3, "device_order": 7}
    for day in days(12):
        carrier(tmp_path).deliver(day)
    wrong = []
    for check in sorted((tmp_path / "in").rglob("*.chk")):
        name, size, count, sha256, total = check.read_text(encoding="ascii").removesuffix("\n").split("|")
        data = check.with_name(name)
        raw, lines = data.read_bytes(), rows(data)
        feed_name = data.parent.name
        want = ""
        if feed_name == "recharge":
            want = str(sum(int(row[6]) for row in lines))
        if feed_name in {"expense", "device_order"}:
            fen = sum(int(row[amounts[feed_name]].replace(".", "") or 0) for row in lines)
            want = f"{fen // 100}.{fen % 100:02d}"
        assert feed_name in amounts or want == ""
        if (int(size), int(count), sha256, total) != (len(raw), len(lines), hashlib.sha256(raw).hexdigest(), want):
            wrong.append(check.name)
    assert wrong == ["recharge_20260202_0001.chk"]
    assert not list((tmp_path / "in").rglob("*.part"))


def test_every_row_has_its_fields_and_codes(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path, subscribers=1500)
    for day in days(12):
        the_carrier.deliver(day)
    fields = {"subscriber": 16, "recharge": 11, "hall": 5, "expense": 5, "optout": 6, "sms_report": 7}
    fields |= {"card_stock": 5, "card_claim": 4, "trial_application": 4}
    fields |= {"family_request": 7, "device_catalogue": 6, "device_order": 11}
    fields |= {"training": 6, "system_test": 6, "stock_movement": 7, "ticket": 9, "survey": 8, "social": 6}
    for path in (tmp_path / "in").rglob("*.txt*"):
        assert {len(row) for row in rows(path)} <= {fields[path.parent.name]}, path
    snapshot = [row for day in days(12) for row in feed(tmp_path, "subscriber", day)]
    assert {row[5] for row in snapshot} == set("ASCP")
    assert {row[7] for row in snapshot} == {"CONSUMER", "BUSINESS", "IOT", "TEST", "STAFF", "DEALER"}
    assert {row[8] for row in snapshot} == {"MAIN", "SECONDARY"}
    assert {row[9] for row in snapshot} == {"Y", "N"} == {row[15] for row in snapshot}
    assert {row[14] for row in snapshot} == set("MFU")
    assert all(len(row[1]) == 11 and row[1].isdigit() for row in snapshot)
    for day in days(12):
        numbers = [row[1] for row in feed(tmp_path, "subscriber", day) if row[5] in "AS"]
        assert len(numbers) == len(set(numbers)), "two subscribers hold one number"


def test_lives_meet_what_the_rules_name(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path, subscribers=3000)
    the_carrier.deliver(EVE)
    the_carrier.deliver(date(2026, 2, 5))
    before = {row[0]: row for row in feed(tmp_path, "subscriber", EVE)}
    after = {row[0]: row for row in feed(tmp_path, "subscriber", date(2026, 2, 5))}
    both = [(row, after[one]) for one, row in before.items()]
    changes = Counter(f"{old[5]}{new[5]}" for old, new in both if old[5] != new[5])
    assert {"AS", "SA", "AC", "AP"} <= set(changes)
    assert sum(old[1] != new[1] for old, new in both) > 0, "number changes"
    assert sum(old[2] != new[2] and bool(new[11]) for old, new in both) > 0, "ownership transfers"
    assert len(after) > len(before), "new subscribers"
    assert max(Counter(row[2] for row in after.values()).values()) > 1, "customers with several subscribers"
    dates = Counter(row[4] or "missing" for row in before.values())
    assert 0.03 < dates["missing"] / len(before) < 0.06
    assert dates["19000101"]
    assert any(word > "2026" for word in dates if word != "missing")
    assert any(row[10] for row in before.values()), "ported in"


def test_payments_follow_the_published_amounts(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path, subscribers=3000)
    faces = Counter[int]()
    for k in range(28):
        day = date(2025, 11, 1) + timedelta(days=k)  # before the campaign, so that it pulls nobody
        the_carrier.deliver(day)
        faces.update(int(row[6]) for row in feed(tmp_path, "recharge", day) if row[4] == "RECHARGE")
    counts = facts()["payment_fen"]["counts"]
    share = faces[10_000] / faces.total()
    assert abs(share - counts["10000"] / payments().cumulative[-1]) < 0.02
    assert faces[10_005]
    assert faces[5]


def test_the_story_has_its_set_pieces(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path, subscribers=3000)
    for day in days(12):
        the_carrier.deliver(day)
    by_day = {day: feed(tmp_path, "recharge", day, 2 if day == date(2026, 2, 2) else 1) for day in days(12)}
    assert min(map(len, by_day.values())) > 170
    twice = {day: [one for one, n in Counter(row[0] for row in held).items() if n > 1] for day, held in by_day.items()}
    assert {day for day, ids in twice.items() if ids} == {date(2026, 1, 28), date(2026, 1, 30)}
    (conflict,) = twice[date(2026, 1, 30)]
    assert len({tuple(row) for row in by_day[date(2026, 1, 30)] if row[0] == conflict}) == 2
    assert [row[8] for row in by_day[date(2026, 1, 29)] if row[0][0] == "B"] == ["WAP"]
    assert any(row[1] == "808699999999" for row in by_day[date(2026, 1, 31)])
    made = {row[0]: day for day, held in by_day.items() for row in held if row[4] == "RECHARGE"}
    assert any(row[3][:8] < f"{day:%Y%m%d}" for day, held in by_day.items() for row in held), "late recharges"
    assert any(row[4] == "REVERSAL" and row[5] in made for held in by_day.values() for row in held)
    outs = [row for day in days(12) for row in feed(tmp_path, "optout", day)]
    assert any(not row[2] for row in outs)
    assert any(row[2] for row in outs)
    first, second = feed(tmp_path, "hall", EVE), feed(tmp_path, "hall", date(2026, 1, 31))
    assert {row[0] for row in second} - {row[0] for row in first} == {"H010003"}
    assert [row[4] for row in second if row[0] == "H021002"] == ["20260131"]


def test_channels_take_the_discount_off_for_whom_the_list_names(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path, subscribers=1500)
    the_carrier.deliver(EVE)
    everyone = [f"{row[0]}|{row[1]}|ADD|20260126|ELIGIBLE" for row in feed(tmp_path, "subscriber", EVE)]
    send(tmp_path, "eligibility", EVE, everyone)
    the_carrier.deliver(STARTS_ON)
    offers = {"10000": 500, "20000": 1200, "30000": 2000}
    exact = [row for row in feed(tmp_path, "recharge", STARTS_ON) if row[6] in offers and row[8] == "APP"]
    kept = sum(int(row[6]) - int(row[7]) == offers[row[6]] for row in exact)
    assert kept / len(exact) > 0.85
    others = [row for row in feed(tmp_path, "recharge", STARTS_ON) if row[8] in {"AGENT", "BANK", "CARD"}]
    assert all(row[6] == row[7] for row in others)


def test_an_answer_names_each_refused_row(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path)
    the_carrier.deliver(EVE)
    snapshot = feed(tmp_path, "subscriber", EVE)
    the_carrier.deliver(STARTS_ON)
    status = {row[0]: row[5] for row in feed(tmp_path, "subscriber", STARTS_ON)}
    well = [row for row in snapshot if status[row[0]] == "A"][:20]
    paused = next(row for row in snapshot if status[row[0]] != "A")
    first = send(tmp_path, "data_grant", EVE, [grant(k, row[0], row[1]) for k, row in enumerate(well[:10])])
    second = send(
        tmp_path,
        "data_grant",
        EVE,
        [
            grant(3, well[3][0], well[3][1]),
            grant(100, "1", "13000000000"),
            grant(101, paused[0], paused[1]),
            grant(102, well[11][0], well[11][1]).replace("5120", "-1"),
            grant(103, well[12][0], well[12][1]),
        ],
        seq=2,
    )
    the_carrier.answer(EVE)
    assert answer(tmp_path, first).rows_ok == 10
    told = answer(tmp_path, second)
    assert (told.status, told.rows_ok, told.rows_failed) == ("SEMIWRONG", 1, 4)
    assert [row.code for row in told.rows] == ["20", "10", "11", "30"]
    assert the_carrier.audit() == [
        f"{tmp_path}/out/data_grant/{second}.txt: key {3:032x} was sent again after {first} was accepted"
    ]


def test_an_answer_begun_before_a_crash_is_given_again_the_same(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path)
    the_carrier.deliver(EVE)
    lines = [grant(k, row[0], row[1]) for k, row in enumerate(feed(tmp_path, "subscriber", EVE))]
    stem = send(tmp_path, "data_grant", EVE, lines)
    the_carrier.answer(EVE)
    path = tmp_path / "ack" / "data_grant" / f"{stem}.rsp"
    told = path.read_bytes()
    path.unlink()
    carrier(tmp_path).answer(EVE)
    assert path.read_bytes() == told
    assert the_carrier.audit() == []


def test_a_file_that_disagrees_with_its_check_file_is_refused_whole(tmp_path: Path) -> None:
    stem = send(tmp_path, "sms", EVE, [f"{1:032x}|13000000000|GIFT_ARRIVED|20260126080000|20260126200000|1|你好"])
    with (tmp_path / "out" / "sms" / f"{stem}.txt").open("ab") as data:
        data.write(b"more\n")
    the_carrier = carrier(tmp_path)
    the_carrier.answer(EVE)
    assert (answer(tmp_path, stem).status, answer(tmp_path, stem).code) == ("BAD", "30")
    assert len(the_carrier.audit()) == 1


def test_a_push_message_needs_no_number(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path)
    the_carrier.deliver(EVE)
    known = feed(tmp_path, "subscriber", EVE)[0][0]
    window = "20260126080000|20260126200000"
    stem = send(tmp_path, "push", EVE, [
        f"{1:032x}|{known}|TODAY|{window}|开启|【中国联通】你好",
        f"{2:032x}|nobody|TODAY|{window}|开启|【中国联通】你好",
        f"{3:032x}|{known}|TODAY|{window}|【中国联通】无标题",
    ])  # fmt: skip
    the_carrier.answer(EVE)
    given = answer(tmp_path, stem)
    assert given.status == "SEMIWRONG"
    assert [(row.key, row.code) for row in given.rows] == [(f"{2:032x}", "10"), (f"{3:032x}", "30")]


def test_every_accepted_sms_is_reported_by_part_the_next_day(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path)
    the_carrier.deliver(EVE)
    numbers = [row[1] for row in feed(tmp_path, "subscriber", EVE)][:200]
    window = "20260126080000|20260126200000"
    stem = send(tmp_path, "sms", EVE, [
        *(f"{no:032x}|{number}|GIFT|{window}|2|【中国联通】你好" for no, number in enumerate(numbers)),
        f"{999:032x}|13999999999|GIFT|{window}|2|【中国联通】你好",  # nobody's number
    ])  # fmt: skip
    the_carrier.answer(EVE)
    refused = {row.key for row in answer(tmp_path, stem).rows}
    assert f"{999:032x}" in refused
    the_carrier.deliver(STARTS_ON)
    reports = feed(tmp_path, "sms_report", STARTS_ON)
    told = Counter((row[1], row[2]) for row in reports)
    sent = {(f"{no:032x}", part) for no in range(len(numbers)) for part in "12" if f"{no:032x}" not in refused}
    assert set(told) <= sent
    assert set(told.values()) == {1}
    assert len(told) > 0.95 * len(sent)  # a few are never heard of
    assert len({row[0] for row in reports}) == len(reports)
    assert {(row[3], row[4]) for row in reports} >= {("2", "0"), ("2", "2")}
    assert all(row[6].startswith("20260126") and "080000" <= row[6][8:] < "200000" for row in reports)
    assert {bool(row[5]) for row in reports if row[4] == "2"} == {True}


def test_the_story_refuses_one_file_whole_and_takes_it_again(tmp_path: Path) -> None:
    the_carrier = carrier(tmp_path)
    day = date(2026, 1, 29)
    the_carrier.deliver(day)
    row = next(row for row in feed(tmp_path, "subscriber", day) if row[5] == "A")
    lines = [f"{row[0]}|{row[1]}|ADD|20260130|ELIGIBLE"]
    refused = send(tmp_path, "eligibility", day, lines)
    the_carrier.answer(day)
    assert (answer(tmp_path, refused).status, answer(tmp_path, refused).code) == ("BAD", "90")
    again = send(tmp_path, "eligibility", day + timedelta(days=1), lines)
    the_carrier.answer(day + timedelta(days=1))
    assert answer(tmp_path, again).status == "RIGHT"
    assert the_carrier.audit() == []


@pytest.mark.parametrize("leave", ["credit_lyh2026_20260125_0001.txt", ".credit_lyh2026_20260125_0001.txt.part"])
def test_audit_finds_files_without_check_file_and_gaps(tmp_path: Path, leave: str) -> None:
    send(tmp_path, "credit", EVE, [], seq=2, total="0")
    (tmp_path / "out" / "credit" / leave).write_bytes(b"")
    assert carrier(tmp_path).audit() == [
        f"{tmp_path}/out/credit/{leave}: no check file",
        "credit_lyh2026_20260125: sequence numbers [2], expected 1 to 1",
    ]
