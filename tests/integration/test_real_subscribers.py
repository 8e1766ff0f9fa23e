"""7,020 real subscribers of China Mobile Beijing (2022) go through the whole pipeline; each reason's number is right.

Their ids, activation dates, ages, genders, plans and spend are real. Everything else is DERIVED: numbers are made up,
each is his own customer, active, a consumer, verified, with a main card; and each recharges once, in the app, at full
price, the fen of his real 3-month average spend. The data may not be redistributed: skipped where it is missing.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
import yaml

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.close_day import close_day
from laoyouhui.warehouse.connection import connect
from laoyouhui_local.sample.files import data_file, write_delivery

HOME = Path(__file__).parents[2]
SHARED = Path(os.environ.get("LAOYOUHUI_SHARED_DATA") or HOME.parent / "shared" / "data")
SURVEY = SHARED / "cmcc_beijing_2022" / "web_survey_7020.csv.gz"
CALIBRATION = SHARED / "calibration.json"
STARTS_ON = date(2022, 4, 30)  # the day for which the calibration counts
EVE = STARTS_ON - timedelta(days=1)
CITY = "010"
GENDERS = {"男": "M", "女": "F", "性别不详": "U"}
DISCOUNT = {10_000: 500, 20_000: 1200, 30_000: 2000}  # the tiers of rules 4, in fen
BONUS = {10_000: 0, 20_000: 2400, 30_000: 5000}

pytestmark = pytest.mark.skipif(not SURVEY.exists(), reason=f"the real data is not here: {SURVEY}")


@dataclass(frozen=True)
class Real:
    """One real subscriber; `spend_fen` is the 3-month average."""

    subscriber_id: str
    activated: date | None
    spend_fen: int
    birth_year: str
    gender: str
    plan: str

    def reason(self, day: date) -> str:
        """The rule once more, by hand: five calendar years, 29 February counting as the 28th."""
        if self.activated is None:
            return "BAD_DATE"
        year, month, dom = self.activated.year + 5, self.activated.month, self.activated.day
        if (month, dom) == (2, 29):
            dom = 28
        return "ELIGIBLE" if date(year, month, dom) <= day else "TENURE"


@pytest.fixture(scope="module")
def real() -> list[Real]:
    with gzip.open(SURVEY, "rt", encoding="utf-8", newline="") as survey:
        return [
            Real(
                subscriber_id=row["用户"].removeprefix("用户"),
                activated=date.fromisoformat(row["码号资源-激活时间"]) if row["码号资源-激活时间"] else None,
                spend_fen=int((Decimal(row["近3个月平均消费（元）"]) * 100).quantize(Decimal(1), ROUND_HALF_UP)),
                birth_year=str(2022 - int(row["年龄"])) if int(row["年龄"]) else "",
                gender=GENDERS[row["性别"]],
                plan=f"P{row['主套餐档位']}",
            )
            for row in csv.DictReader(survey)
        ]


def snapshot(real: list[Real]) -> Iterator[str]:
    for number, one in enumerate(real):
        activated = f"{one.activated:%Y%m%d}" if one.activated else ""
        yield (
            f"{one.subscriber_id}|{13_000_000_000 + number}|{one.subscriber_id}|{CITY}|{activated}|A|{activated}|"
            f"CONSUMER|MAIN|Y|||{one.plan}|{one.birth_year}|{one.gender}|Y\n"
        )


def recharges(real: list[Real]) -> Iterator[str]:
    midnight = datetime.combine(STARTS_ON, time())
    for number, one in enumerate(real):
        if one.spend_fen:
            at = midnight + timedelta(seconds=12 * number)
            yield (
                f"R{one.subscriber_id}|{one.subscriber_id}|{13_000_000_000 + number}|{at:%Y%m%d%H%M%S}|RECHARGE||"
                f"{one.spend_fen}|{one.spend_fen}|APP||\n"
            )


def campaign_file(folder: Path) -> Path:
    """The project's campaign, moved to 2022 and without a control group: every number can be counted by hand."""
    campaign = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))
    campaign |= {"starts_on": STARTS_ON, "ends_on": date(2022, 6, 30)}
    campaign["control_group"]["share_bp"] = 0
    campaign["terms"] = campaign["terms"][:1]
    campaign["terms"][0]["effective_from"] = STARTS_ON
    campaign["budget"] = [{"line": "B2", "month": "2022-04", "plan_fen": 1_000_000}]
    path = folder / "campaign.yml"
    path.write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def closed(real: list[Real], database_dsn: str, tmp_path: Path) -> Settings:
    """The day before the campaign and its first day, closed one after the other."""
    exchange = tmp_path / "exchange"
    settings = Settings(
        home=HOME,
        exchange=str(exchange),
        campaign_files=(campaign_file(tmp_path),),
        work=tmp_path / "work",
        warehouse_dsn=database_dsn,
    )
    for day in (EVE, STARTS_ON):
        lines = list(snapshot(real))
        write_delivery(data_file(exchange, "subscriber", day, 1), lines, rows=len(lines), control_total="")
    lines = list(recharges(real))
    total = str(sum(one.spend_fen for one in real))
    write_delivery(data_file(exchange, "recharge", STARTS_ON, 1), lines, rows=len(lines), control_total=total)
    close_day(settings, EVE)
    assert reasons(settings) == (STARTS_ON, Counter(one.reason(STARTS_ON) for one in real))
    close_day(settings, STARTS_ON)
    return settings


def reasons(settings: Settings) -> tuple[date | None, Counter[str]]:
    """The date judged for and the number of subscribers for each reason, as released."""
    judged_for, counts = None, Counter[str]()
    sql = "select judged_for, city_code, reason, subscribers from marts.eligibility_by_city_reason"
    for day, city, reason, subscribers in query(settings, sql):
        assert city == CITY
        assert judged_for in {None, day}
        judged_for, counts[reason] = day, subscribers
    return judged_for, counts


def query(settings: Settings, sql: str) -> list[tuple]:
    with connect(settings.warehouse_dsn) as conn:
        return conn.execute(sql).fetchall()


def sent(settings: Settings, interface: str, day: date) -> list[list[str]]:
    folder = Path(settings.exchange) / "out" / interface
    paths = sorted(folder.glob(f"{interface}_*_{day:%Y%m%d}_*.txt"))
    return [line.split("|") for path in paths for line in path.read_bytes().decode("gb18030").split("\n")[:-1]]


def test_the_count_by_hand_agrees_with_the_calibration(real: list[Real]) -> None:
    import json

    known = json.loads(CALIBRATION.read_text(encoding="utf-8"))["cmcc_beijing_web_7020"]
    counts = Counter(one.reason(STARTS_ON) for one in real)
    assert known["as_of_used"] == STARTS_ON.isoformat()
    assert len(real) == known["rows"] == 7020
    assert counts["BAD_DATE"] == known["activation_missing"] == 4150
    assert counts["ELIGIBLE"] == known["eligible_at_years"]["5"]["eligible_known"] == 2015
    assert counts["TENURE"] == known["activation_known"] - 2015


def test_real_subscribers_are_judged_and_paid_as_counted_by_hand(real: list[Real], closed: Settings) -> None:
    the_day_after = STARTS_ON + timedelta(days=1)
    assert reasons(closed) == (the_day_after, Counter(one.reason(the_day_after) for one in real))

    # Rows loaded + rows quarantined = rows received, and nothing here is quarantined: a missing date is no bad row.
    paying = [one for one in real if one.spend_fen]
    intake = query(
        closed,
        "select feed, business_date, state, rows_received, rows_loaded, rows_quarantined from marts.intake_by_file "
        "where file_name is not null and rows_received is not null order by feed, business_date",
    )
    assert intake == [
        ("recharge", STARTS_ON, "LOADED", len(paying), len(paying), 0),
        ("subscriber", EVE, "LOADED", 7020, 7020, 0),
        ("subscriber", STARTS_ON, "LOADED", 7020, 7020, 0),
    ]

    # The list and the first month's gifts name exactly the eligible.
    eligible = {one.subscriber_id for one in real if one.reason(STARTS_ON) == "ELIGIBLE"}
    assert {row[0] for row in sent(closed, "eligibility", EVE) if row[2] == "ADD"} == eligible
    gifts = sent(closed, "data_grant", EVE)
    assert {row[1] for row in gifts} == eligible
    assert len(gifts) == len(eligible)

    # Real spend of exactly 100, 200 or 300 yuan: few, since most people spend odd amounts.
    granted = [one for one in paying if one.subscriber_id in eligible and one.spend_fen in DISCOUNT]
    assert len(granted) == 6
    not_eligible = [one for one in paying if one.subscriber_id not in eligible and one.spend_fen in DISCOUNT]
    decisions = Counter(dict(query(closed, "select reason, count(*) from ledger.recharge_decisions group by reason")))
    assert decisions == {
        "GRANTED": len(granted),
        "NOT_ELIGIBLE": len(not_eligible),
        "TIER": len(paying) - len(granted) - len(not_eligible),
    }

    # The channel took nothing off, so each granted one is owed its whole discount, and its bonus is promised.
    credits_sent = {(row[1], int(row[3]), row[4], row[7]) for row in sent(closed, "credit", STARTS_ON)}
    assert credits_sent == {
        (one.subscriber_id, DISCOUNT[one.spend_fen], "MAKE_GOOD", f"R{one.subscriber_id}") for one in granted
    }
    promised = query(closed, "select month, promised_fen, closing_fen from marts.liability_by_month")
    bonus = sum(BONUS[one.spend_fen] for one in granted)
    assert promised == ([(date(2022, 4, 1), bonus, bonus)] if bonus else [])
