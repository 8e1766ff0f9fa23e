"""Campaign files and carrier profiles at random, out of the form itself: boundary values, odd texts, versions of terms.

Most of what is drawn is right; the rest `make check` refuses, which is what it is for. `play` closes what passes from
the eve to the archive, on a small exchange in which somebody asks for each benefit.
"""

# ruff: noqa: E501 (the strategies read one field to a line)
from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from tests.campaign.harness import HOME

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.kinds import MOST_FEN, MOST_SUM_FEN, MOST_UNIT_FEN
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.close_day import close_day
from laoyouhui.reports.archive import archive
from laoyouhui.reports.report import report

Draw = st.DrawFn
NAMED = "二月\n'活动'.yml"  # by its author; no name of ours hangs on it

ODD = st.sampled_from([
    "老友惠", "𠮷🎁", "👨‍👩‍👧❤️", "a'b\"c\\d", "<b>&amp;</b>", "%s %(campaign)s", "$1;-- drop", "　全角　",
    "é̈ñ", "سلام", "=1+1", "null", "/../..", "\\N", "١٢٣", "﷽", "#" * 200, "名" * 200,
])  # fmt: skip
WORDS = ODD.map(lambda text: text[:60])  # in a message
CODES = st.sampled_from(["A", "a.b:c_d-e", "0", "nulls", "-1", "Z" * 64])
DAYS = st.sampled_from([0, 1, 30, 10_000])
COUNTS = st.sampled_from([1, 2, 1_000_000])
FEN = st.sampled_from([0, 1, 99, 100_000, MOST_FEN])
RATES = st.sampled_from([0, 1, 200, 5_000, 9_999, 10_000])
STARTS = st.sampled_from(["2026-02-01", "2026-01-26", "2028-02-29", "2000-01-01", "2100-12-30"])


@st.composite
def profiles(draw: Draw) -> dict[str, Any]:
    """The shipped profile in another encoding, with another delimiter, with a header."""
    profile = yaml.safe_load((HOME / "carriers" / "china_unicom.yml").read_text("utf-8"))
    profile["files"] |= {
        "encoding": draw(st.sampled_from(["gb18030", "gb18030", "utf-8", "gbk"])),
        "delimiter": draw(st.sampled_from(["|", "|", ",", "\t", "^"])),
        "header": draw(st.booleans()),
    }
    return profile


@st.composite
def campaigns(draw: Draw) -> dict[str, Any]:
    """A campaign file."""
    starts_on = date.fromisoformat(draw(STARTS))
    ends_on = draw(st.sampled_from([starts_on, starts_on + timedelta(40), date(2100, 12, 31)]))
    versions = [{"effective_from": str(draw(st.sampled_from([starts_on, date(2000, 1, 1)]))), **draw(terms(starts_on))}]
    if draw(st.booleans()):
        later = draw(terms(starts_on))
        changed = draw(st.sets(st.sampled_from(sorted(later)), min_size=1))
        versions.append({
            "effective_from": str(starts_on + timedelta(draw(st.sampled_from([1, 5, 32])))),
            **{name: later[name] for name in changed},
        })  # fmt: skip
    lines = ["B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8"]
    planned = st.tuples(
        st.sampled_from(lines), st.sampled_from(["2000-01", "2026-02", f"{starts_on:%Y-%m}", "2100-12"])
    )
    return {
        "campaign": "lyh2026",
        "name": draw(ODD),
        "carrier": "mine",
        "starts_on": str(starts_on),
        "ends_on": str(ends_on),
        "priority": draw(st.sampled_from([0, 1_000_000])),
        "control_group": {"share_bp": draw(RATES), "salt": draw(ODD)},
        "terms": versions,
        "budget": [
            {"line": line, "month": month, "plan_fen": draw(st.sampled_from([0, MOST_SUM_FEN]))}
            for line, month in sorted(draw(st.sets(planned, max_size=12)))
        ],
    }


@st.composite
def terms(draw: Draw, starts_on: date) -> dict[str, Any]:
    """Whole terms: what is always there, and some of the sections that may be left out."""
    found: dict[str, Any] = {
        "intake": {"bad_rows_limit_bp": draw(RATES), "delivered_by": "00:00"},
        "eligibility": {
            "founded_on": draw(st.sampled_from(["1994-07-19", "1900-01-01"])),
            "segments": draw(st.sampled_from([["CONSUMER"], ["CONSUMER", "IOT", "STAFF"], ["DEALER"]])),
            "main_card_only": draw(st.booleans()),
            "tenure_years": draw(st.sampled_from([0, 5, 200])),
            "port_in_years": draw(st.sampled_from([0, 200])),
            "owner_years": draw(st.sampled_from([0, 200])),
            "tenure_judged_on": draw(st.sampled_from(["event", "campaign_start"])),
            "tenure_bands_years": draw(st.sampled_from([[0], [0, 5, 10], list(range(201))])),
        },
    }
    optional = sections(starts_on)
    for name in draw(st.sets(st.sampled_from(sorted(optional)), min_size=4)) | {"membership"}:
        found[name] = draw(optional[name])
    found["messages"] = draw(messages(found))
    return found


def sections(starts_on: date) -> dict[str, st.SearchStrategy[Any]]:
    """Sections that may be left out."""
    price = st.sampled_from([0, 1, MOST_UNIT_FEN])
    days = st.sampled_from([str(starts_on), "2000-01-01", "2100-12-31"])
    return {
        "watch": st.fixed_dictionaries({"finished_by": st.just("23:59"), "stale_days": COUNTS, "unanswered_days": DAYS}),
        "data_gift": st.fixed_dictionaries(
            {"months": COUNTS, "megabytes": COUNTS, "product_code": CODES, "unit_price_fen_per_gb": price}
        ),
        "recharge": st.fixed_dictionaries({
            "match": st.sampled_from(["exact", "floor"]),
            "channels": st.sampled_from([["APP"], ["APP", "HALL", "AGENT", "BANK", "CARD"]]),
            "tiers": st.sampled_from([
                [{"face_fen": 1, "discount_fen": 0}, {"face_fen": 10_000, "discount_fen": 10_000}],
                [{"face_fen": 10_000, "discount_fen": 500, "bonus_fen": MOST_FEN, "instalments": 600}],
                [{"face_fen": 10_000, "discount_fen": 0, "bonus_fen": 1, "instalments": 1},
                 {"face_fen": 10_000_000, "discount_fen": 500, "bonus_fen": 7, "instalments": 7}],
            ]),
            "limit_per_tier_month": COUNTS,
            "customer_limit_per_month": st.one_of(st.none(), COUNTS),
            "instalment_day": st.sampled_from([None, 1, 28]),
            "odd_fen_to": st.sampled_from(["last", "first"]),
            "hold_days": DAYS, "late_days": DAYS, "orphan_reversal_days": DAYS,
        }),
        "family_numbers": st.fixed_dictionaries({"limit": COUNTS, "exclusive": st.booleans()}),
        "devices": st.fixed_dictionaries({
            "channels": st.sampled_from([["APP"], ["HALL", "APP"]]),
            "bands": st.sampled_from([
                [{"from_fen": 0, "rate_bp": 1}],
                [{"from_fen": 0, "rate_bp": 10_000}, {"from_fen": MOST_FEN, "rate_bp": 1}],
                [{"from_fen": number, "rate_bp": 10_000 - number} for number in range(300)],
            ]),
            "limit": COUNTS, "hold_days": DAYS, "late_days": DAYS, "ship_days": DAYS, "unpaid_days": DAYS,
        }),
        "membership": st.just({}),
        "cards": st.fixed_dictionaries({
            "platforms": st.lists(
                st.fixed_dictionaries({
                    "code": st.sampled_from(["TENCENT", "IQIYI", "YOUKU"]), "name": WORDS, "monthly_need": COUNTS,
                }), min_size=1, max_size=3, unique_by=lambda each: each["code"],
            ),
            "limit_per_month": COUNTS, "low_stock_bp": RATES, "code_sms_attempts": st.sampled_from([1, 1000]), "late_days": DAYS,
        }),
        "trials": st.fixed_dictionaries({
            "member_lead_days": DAYS, "late_days": DAYS,
            "offers": st.lists(
                st.fixed_dictionaries({
                    "code": CODES, "name": WORDS, "link": st.sampled_from(["https://u.example/c", "http://例/" + "a" * 150]),
                    "opens_on": days, "places": COUNTS, "cost_fen": FEN,
                }), min_size=1, max_size=3, unique_by=lambda each: each["code"],
            ),
        }),
        "caps": st.fixed_dictionaries({}, optional={
            line: st.sampled_from([None, 0, 1, MOST_SUM_FEN]) for line in ("B1", "B2", "B3", "B4")
        }),
        "stacking": st.just({"exclusive": []}),
        "phases": st.fixed_dictionaries({"warm_up_days": DAYS, "follow_up_days": DAYS}),
        "service": st.fixed_dictionaries({"answer_hours": st.sampled_from([1, 10_000])}),
        "recognition": st.fixed_dictionaries({"min_cases": COUNTS}),
        "publicity": st.fixed_dictionaries({"activities": st.lists(
            st.one_of(
                st.fixed_dictionaries({
                    "code": st.just("P"), "channel": st.just("app_page"), "name": ODD, "from": days, "to": st.just("2100-12-31"),
                    "platform": CODES, "planned_cost_fen": st.just(MOST_SUM_FEN),
                }),
                st.fixed_dictionaries({
                    "code": st.just("S"), "channel": st.just("social"), "name": ODD, "from": days, "to": st.just("2100-12-31"),
                    "platform": st.just("WEIBO"), "topic": ODD, "planned_cost_fen": FEN,
                }),
                st.fixed_dictionaries({
                    "code": st.just("O"), "channel": st.just("offline"), "name": ODD, "from": days, "to": st.just("2100-12-31"),
                    "partner": ODD, "places": st.lists(ODD, min_size=1, max_size=3), "planned_cost_fen": FEN,
                }),
            ), min_size=1, max_size=3, unique_by=lambda each: each["code"],
        )}),
        "readiness": st.fixed_dictionaries({
            "teams": st.tuples(*(
                st.fixed_dictionaries({"team": st.just(team), "responsible": ODD, "duties": st.lists(ODD, min_size=1, max_size=3)})
                for team in ("marketing", "customer_service", "technology")
            )).map(list),
            "trainings": st.lists(st.fixed_dictionaries({
                "team": st.just("marketing"), "course": CODES, "staff": COUNTS, "share_bp": RATES,
                "halls": st.sampled_from(["all", ["H-1"]]),
            }), max_size=1),
            "system_tests": st.lists(st.fixed_dictionaries({
                "team": st.just("technology"), "system": CODES, "kinds": st.just(["FUNCTION"]),
            }), min_size=1, max_size=1),
            "stock": st.lists(st.fixed_dictionaries({
                "team": st.just("marketing"), "item": CODES, "kind": st.just("GIFT"), "quantity": COUNTS,
            }), max_size=1),
        }),
    }  # fmt: skip


@st.composite
def messages(draw: Draw, found: Mapping[str, Any]) -> dict[str, Any]:
    """Templates of each event, with all that each may quote."""
    said: dict[str, Any] = {
        "signature": draw(st.sampled_from(["【中国联通】", "【'】", "【👨‍👩‍👧】"])),
        "opt_out_text": draw(st.sampled_from(["拒收请回复R", "\\1"])),
        "push_opt_out_text": "关闭",
        "hours": draw(st.sampled_from([{"from": "08:00", "to": "20:00"}, {"from": "00:00", "to": "00:01"}])),
        "marketing_limit": {"messages": draw(COUNTS), "days": draw(COUNTS)},
        "unit_price_fen": draw(st.sampled_from([0, 4, MOST_UNIT_FEN])),
        "templates": [],
    }
    quoted = {
        "announcement": "{starts_on}{ends_on}",
        "data_gift": "{gigabytes}{megabytes}{valid_from}{valid_to}{month}",
        "instalment": "{instalment_no}{instalments}{yuan}{recharge_id}",
        "card_code": "{platform}{code}{expires_on}",
        "trial_invitation": "{trial}{link}{opens_on}",
    }
    needed = {"card_code"} if "cards" in found else set()
    for event in sorted(draw(st.sets(st.sampled_from(sorted(quoted)))) | needed):
        channel = "sms" if event == "card_code" else draw(st.sampled_from(["sms", "push"]))
        text = (
            said["signature"] + draw(WORDS).replace("{", "") + quoted[event] + draw(st.sampled_from(["", "长" * 400]))
        )
        template = {
            "code": f"{event}-{draw(st.sampled_from(['1', ':' * 40]))}"[:64],
            "class": "marketing" if event == "announcement" else "service", "channel": channel, "event": event,
            "text": text,
        }  # fmt: skip
        if event == "announcement":
            template["days_before_start"] = draw(st.sampled_from([0, 1, 10_000]))
            template["text"] += said["opt_out_text"] if channel == "sms" else said["push_opt_out_text"]
        if channel == "push":
            template["title"] = draw(WORDS) + quoted[event][: quoted[event].index("}") + 1]
        said["templates"].append(template)
    return said


# --- the small exchange ----------------------------------------------------------------------------------------------


class Exchange:
    """The carrier's side, in any profile: what is delivered, and RIGHT to all that left."""

    def __init__(self, folder: Path, profile: Mapping[str, Any]) -> None:
        self.folder = folder
        self.profile = profile
        for name in ("in", "out", "ack"):
            (folder / name).mkdir(parents=True)

    def deliver(self, feed: str, on: date, rows: Sequence[Sequence[str]]) -> None:
        """One file of a feed."""
        form, said = self.profile["files"], self.profile["feeds"][feed]
        names = [column["name"] for column in said["columns"]]
        lines = [form["delimiter"].join(row) for row in ([names] if form["header"] else []) + list(rows)]
        content = "".join(f"{line}\n" for line in lines).encode(form["encoding"])
        total = ""
        if "control" in said:
            amounts = [row[names.index(said["control"])] for row in rows]
            fen = sum(int(amount.replace(".", "") or 0) for amount in amounts)
            total = f"{fen // 100}.{fen % 100:02}" if said["control"].endswith("_yuan") else str(fen)
        stem = f"{feed}_{on:%Y%m%d}_0001"
        place = self.folder / "in" / feed
        place.mkdir(exist_ok=True)
        (place / f"{stem}.txt").write_bytes(content)
        check = f"{stem}.txt|{len(content)}|{len(rows)}|{hashlib.sha256(content).hexdigest()}|{total}\n"
        (place / f"{stem}.chk").write_text(check, "ascii")

    def answer(self) -> int:
        """RIGHT to every file; how many there are. Each can be read in the profile's encoding, by its columns."""
        form, files = self.profile["files"], sorted((self.folder / "out").rglob("*.chk"))
        for check in files:
            name, size, rows, *_ = check.read_text("ascii").strip().split("|")
            content = (check.parent / name).read_bytes()
            lines = content.decode(form["encoding"]).split("\n")[:-1]
            width = len(self.profile["interfaces"][check.parent.name]["columns"])
            assert all(line.count(form["delimiter"]) == width - 1 for line in lines), name
            assert (len(content), len(lines) - form["header"]) == (int(size), int(rows)), name
            place = self.folder / "ack" / check.parent.name
            place.mkdir(exist_ok=True)
            (place / f"{check.stem}.rsp").write_text(f"{name}|RIGHT|{rows}|0\n", "ascii")
        return len(files)


def deliver(exchange: Exchange, on: date, terms: Mapping[str, Any]) -> None:
    """What arrives on each date: three subscribers, each asks for every benefit that there is."""
    day, at = f"{on:%Y%m%d}", f"{on:%Y%m%d}100000"
    who = [f"S-{number}" for number in (1, 2, 3)]
    exchange.deliver("subscriber", on, [
        [one, f"1300000000{one[-1]}", f"C-{one[-1]}", "1001", "19950101", "A", "19950101", "CONSUMER", "MAIN", "Y", "", "",
         "P1", "1970", "F", "Y"] for one in who
    ])  # fmt: skip
    tiers = (terms.get("recharge") or {"tiers": [{"face_fen": 10_000, "discount_fen": 0}]})["tiers"]
    exchange.deliver("recharge", on, [
        [f"R-{day}-{one}", one, "", at, "RECHARGE", "", str(tier["face_fen"]),
         str(max(1, tier["face_fen"] - tier["discount_fen"])), "APP", "", ""]
        for one, tier in zip(who, tiers * 3, strict=False)
    ])  # fmt: skip
    exchange.deliver("hall", on, [["H-1", "厅", "1001", "20000101", ""]])
    exchange.deliver("family_request", on, [[f"F-{day}", "S-1", at, "ADD", "13000000002", "APP", ""]])
    exchange.deliver("device_catalogue", on, [["SKU", "华为", "A1", "1000000.00", "20000101", ""]])
    exchange.deliver(
        "device_order",
        on,
        [[f"E-{day}", f"O-{day}", "S-2", "PAID", at, "SKU", "1000000.00", "1000000.00", "APP", "", ""]],
    )
    exchange.deliver("card_stock", on, [
        [f"CODE{day}{platform}", platform, day, f"{on + timedelta(90):%Y%m%d}", "10000.00"] for platform in ("TENCENT", "IQIYI")
    ])  # fmt: skip
    exchange.deliver("card_claim", on, [[f"K-{day}-{one}", one, at, "TENCENT"] for one in who])
    offers = (terms.get("trials") or {"offers": [{"code": "NONE"}]})["offers"]
    exchange.deliver("trial_application", on, [[f"T-{day}-{one}", one, at, offers[0]["code"]] for one in who])
    exchange.deliver(
        "ticket", on, [[f"Q-{day}", f"TK-{day}", "S-1", "OPENED", "COMPLAINT", "RECHARGE", at, "A-1", "问"]]
    )
    exchange.deliver("survey", on, [[f"V-{day}", "S-1", at, at, "5", "10", "RECHARGE", "好"]])
    exchange.deliver("social", on, [["WEIBO", day, "老友惠", "1", "1", "1"]])
    exchange.deliver("expense", on, [[f"X-{day}", day, "B5.1", "100.00", "S 微博"]])
    needs = terms.get("readiness") or {}
    exchange.deliver(
        "training", on, [[f"TR-{day}", "A-1", "H-1", each["course"], day, "Y"] for each in needs.get("trainings", [])]
    )
    exchange.deliver("system_test", on, [
        [f"ST-{day}", each["system"], "FUNCTION", at, "PASS", ""] for each in needs.get("system_tests", [])
    ])  # fmt: skip
    exchange.deliver("stock_movement", on, [
        [f"M-{day}", each["item"], "GIFT", at, str(each["quantity"]), "1.00", ""] for each in needs.get("stock", [])
    ])  # fmt: skip
    exchange.deliver("optout", on, [])
    exchange.deliver("sms_report", on, [])


def written(folder: Path, campaign: Mapping[str, Any], profile: Mapping[str, Any]) -> Path:
    """The campaign file and its profile, in a folder."""
    for name, data in {f"campaigns/{NAMED}": campaign, "carriers/mine.yml": profile}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    return folder / "campaigns" / NAMED


def dates(campaign: Campaign) -> list[date]:
    """The eve of the announcement and of the launch, the first days, a month's start, the close and the day after it."""
    first, last = campaign.starts_on, campaign.ends_on
    templates = campaign.versions[0].terms["messages"]["templates"]
    announced = [first - timedelta(each["days_before_start"] + 1) for each in templates if each["days_before_start"]]
    month_end = (first.replace(day=1) + timedelta(32)).replace(day=1) - timedelta(1)
    days = {*announced[:1], first - timedelta(1), first, first + timedelta(1), month_end}
    # of a longer gap people would have to confirm that two instalments fall due in one run
    if last <= first + timedelta(60):
        days |= {*(month_end + timedelta(each) for each in (10, 20, 30)), last, last + timedelta(1)}
    return sorted(days)


def play(file: Path, profile: Mapping[str, Any], dsn: str) -> None:
    """Close the dates of a campaign that passes the check, then report on it and archive it."""
    (campaign,) = load_campaigns([file])
    folder = file.parents[1]
    exchange = Exchange(folder / "exchange", profile)
    (folder / "work").mkdir()
    settings = Settings(
        home=HOME, exchange=str(exchange.folder), campaign_files=(file,), work=folder / "work", warehouse_dsn=dsn
    )
    for on in dates(campaign):
        valid = [version for version in campaign.versions if version.effective_from <= on] or campaign.versions[:1]
        deliver(exchange, on, valid[-1].terms)
        close_day(settings, on)
        exchange.answer()
    assert len(report(settings)) == 2
    (archived,) = archive(settings)
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=archived, check=True)
