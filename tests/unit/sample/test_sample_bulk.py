"""The month of a big carrier: right check files, about half eligible, and the second snapshot a little different."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from datetime import date
from pathlib import Path

from laoyouhui.sample.bulk import write_month


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
        assert {len(line) for line in lines} == {{"subscriber": 16, "recharge": 11, "hall": 5}[check.parent.name]}
        if check.parent.name == "recharge":
            assert total == str(sum(int(line[6]) for line in lines))
            recharges += len(lines)
            rows += len({line[0] for line in lines})
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
