"""The month of a big carrier: right check files, about half eligible, and the second snapshot a little different."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from datetime import date
from pathlib import Path

from laoyouhui_local.sample.bulk import write_month

_COLUMNS = {
    "subscriber": 16,
    "recharge": 11,
    "hall": 5,
    "family_request": 7,
    "device_catalogue": 6,
    "device_order": 11,
    "card_stock": 5,
    "card_claim": 4,
    "trial_application": 4,
}


def test_a_month_is_in_the_interfaces_form(tmp_path: Path) -> None:
    made = write_month(tmp_path, subscribers=30_000, first_date=date(2026, 1, 1), days=31)
    assert made == 36_000
    rows = recharges = 0
    for check in sorted((tmp_path / "in").rglob("*.chk")):
        name, size, count, sha256, total = check.read_text(encoding="ascii").removesuffix("\n").split("|")
        raw = check.with_name(name).read_bytes()
        text = gzip.decompress(raw).decode("gb18030") if name.endswith(".gz") else raw.decode("gb18030")
        lines = [line.split("|") for line in text.split("\n")[:-1]]
        assert (int(size), int(count), sha256) == (len(raw), len(lines), hashlib.sha256(raw).hexdigest())
        assert {len(line) for line in lines} == {_COLUMNS[check.parent.name]}
        if check.parent.name == "recharge":
            assert total == str(sum(int(line[6]) for line in lines))
            recharges += len(lines)
            rows += len({line[0] for line in lines})
        if check.parent.name == "device_order":
            fen = sum(int(line[7].replace(".", "") or 0) for line in lines)
            assert total == f"{fen // 100}.{fen % 100:02d}"
    assert recharges == rows == made
    first, second = (
        gzip.decompress((tmp_path / "in" / "subscriber" / f"subscriber_202601{day}_0001.txt.gz").read_bytes()).split(
            b"\n"
        )
        for day in ("01", "31")
    )
    assert len(first) == len(second) == 30_001
    assert 10 < sum(one != other for one, other in zip(first, second, strict=True)) < 60
    held = [line.decode("gb18030").split("|") for line in first[:-1]]
    assert Counter(len(row[1]) for row in held) == {11: 30_000}
    eligible = sum(
        row[4] != "" and row[4] <= "20210101" and row[5:6] + row[7:10] == ["A", "CONSUMER", "MAIN", "Y"] for row in held
    )
    assert 0.4 < eligible / len(held) < 0.6


def test_what_subscribers_ask_for_is_drawn_alike_and_has_what_is_refused(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        write_month(tmp_path / folder, subscribers=10_000, first_date=date(2026, 1, 1), days=10)
    one, other = (
        {file.name: file.read_bytes() for file in (tmp_path / folder / "in").rglob("*") if file.is_file()}
        for folder in ("one", "other")
    )
    assert one == other

    def lines(feed: str) -> list[list[str]]:
        raw = b"".join(one[name] for name in sorted(one) if name.startswith(f"{feed}_2") and name.endswith(".txt"))
        return [line.split("|") for line in raw.decode("gb18030").split("\n")[:-1]]

    for feed in ("family_request", "device_order", "card_stock", "card_claim", "trial_application"):
        keys = [line[0] for line in lines(feed)]
        assert len(keys) == len(set(keys)), feed
    requests = lines("family_request")
    assert Counter(line[3] for line in requests) > Counter(ADD=150, REMOVE=2)
    assert any(line[4] == f"{13_000_000_000 + int(line[1][4:])}" for line in requests)  # one's own
    assert any(line[4].startswith("139") for line in requests)  # another carrier's
    orders = Counter(line[3] for line in lines("device_order"))
    assert orders["PAID"] == 30
    assert orders["PAID"] > orders["SHIPPED"] > orders["DELIVERED"] > 0
    claims = lines("card_claim")
    stock = Counter(line[1] for line in lines("card_stock"))
    asked = Counter(line[3] for line in claims)
    assert len(claims) == 300
    assert stock["TENCENT"] < asked["TENCENT"]
    assert stock["IQIYI"] > asked["IQIYI"]
    assert len({(line[0][:9], line[1]) for line in claims}) < len(claims)  # again on one day
    assert {line[3] for line in lines("trial_application")} == {"CLOUD", "VRING"}
