"""Campaign files: what is refused, with which words on which line; and what a right one gives."""

# ruff: noqa: E501 (the table of refusals reads one to a line)
from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from laoyouhui.config.campaign import BudgetPlan, Campaign, load_campaign, main
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.terms.messages import PLACEHOLDERS

SHIPPED = Path(__file__).parents[3] / "campaigns" / "lyh2026.yml"

TEXT = """\
campaign: spring1
name: 春季
carrier: some_carrier
starts_on: 2026-03-01
ends_on: 2026-05-31
priority: 10
control_group:
  share_bp: 200
  salt: s1
terms:
  - effective_from: 2026-03-01
    watch: {finished_by: "08:00", stale_days: 3, unanswered_days: 4}
    intake: {bad_rows_limit_bp: 100,
      delivered_by: "09:00"}
    eligibility:
      founded_on: 1994-07-19
      segments: [CONSUMER, STAFF]
      main_card_only: true
      tenure_years: 5
      port_in_years: 3
      owner_years: 2
      tenure_judged_on: event
      tenure_bands_years: [0, 5, 10]
    data_gift:
      months: 3
      megabytes: 5120
      product_code: GIFT5
      unit_price_fen_per_gb: 50
    recharge:
      match: exact
      channels: [APP, HALL]
      tiers:
        - {face_fen: 10000, discount_fen: 500}
        - {face_fen: 20000, discount_fen: 1200, bonus_fen: 2400, instalments: 7}
      limit_per_tier_month: 1
      customer_limit_per_month: null
      instalment_day: 5
      odd_fen_to: last
      hold_days: 60
      late_days: 10
      orphan_reversal_days: 3
    messages:
      signature: 【甲】
      opt_out_text: 退订回T
      hours: {from: "08:00", to: "20:00"}
      marketing_limit: {messages: 2, days: 7}
      unit_price_fen: 4
      templates:
        - {code: GIFT, class: service, event: data_gift, text: "【甲】{gigabytes}GB至{valid_to}"}
        - {code: PAID, class: marketing, event: instalment, text: "【甲】第{instalment_no}期{yuan}元 退订回T"}
budget:
  - {line: B1, month: 2026-03, plan_fen: 1000}
  - {line: B5.1, month: 2026-03, plan_fen: 20}
"""

SECOND = """\
  - effective_from: 2026-04-01
    recharge:
      late_days: 4
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a campaign file beside a carrier profile."""
    (tmp_path / "carriers").mkdir()
    shutil.copy(SHIPPED.parents[1] / "carriers" / "china_unicom.yml", tmp_path / "carriers" / "some_carrier.yml")
    (tmp_path / "campaigns").mkdir()

    def put(text: str) -> Path:
        file = tmp_path / "campaigns" / "spring1.yml"
        file.write_text(text, encoding="utf-8")
        return file

    return put


def changed(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def with_second(second: str) -> str:
    return changed(("budget:\n", f"{second}budget:\n"))


def refusal(file: Path) -> list[str]:
    """The lines of the refusal, without the file's path."""
    with pytest.raises(ConfigError) as refused:
        load_campaign(file)
    lines = str(refused.value).split("\n")
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


FEN = "whole fen, 0 or more, without decimals or quotes"
TIER = "20000, discount_fen: 1200, bonus_fen: 2400, instalments: 7"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # form
        ("priority: 10", "priority: 10\npriority: 11", "7: priority: given twice: expected once (the first is on line 6)"),
        ("priority: 10\n", "", "1: priority: missing: expected a whole number from 0 to 1000000"),
        ("priority: 10", "prioriti: 10\npriority: 10", "6: prioriti: value '10': expected a known field: did you mean 'priority'?"),
        ("  salt: s1", "  salt: s1\n  zzz: [1]", "10: control_group.zzz: a list: expected a known field: share_bp, salt"),
        ("priority: 10", "priority: true", "6: priority: value 'true': expected a whole number from 0 to 1000000"),
        ("main_card_only: true", "main_card_only: 1", "18: terms[0].eligibility.main_card_only: value '1': expected true or false"),
        ("segments: [CONSUMER, STAFF]", "segments: CONSUMER", "17: terms[0].eligibility.segments: value 'CONSUMER': expected a list"),
        ("segments: [CONSUMER, STAFF]", "segments: []", "17: terms[0].eligibility.segments: a list: expected at least one entry"),
        ("segments: [CONSUMER, STAFF]", "segments: [STAFF, STAFF]", "17: terms[0].eligibility.segments[1]: value 'STAFF': expected each segment once"),
        ("channels: [APP, HALL]", "channels: [APP, APP]", "31: terms[0].recharge.channels[1]: value 'APP': expected each channel once"),
        ("hours: {from: \"08:00\", to: \"20:00\"}", "hours: 8", "45: terms[0].messages.hours: value '8': expected a mapping with from, to"),
        ("      unit_price_fen: 4\n", "", f"42: terms[0].messages.unit_price_fen: missing: expected {FEN}"),
        ("      hours: {from: \"08:00\", to: \"20:00\"}\n", "", "42: terms[0].messages.hours: missing: expected a mapping with from, to"),
        # money
        ("discount_fen: 1200", "discount_fen: 12.5", f"34: terms[0].recharge.tiers[1].discount_fen: value '12.5': expected {FEN}"),
        ("discount_fen: 1200", 'discount_fen: "1200"', f"34: terms[0].recharge.tiers[1].discount_fen: value '\"1200\"': expected {FEN}"),
        ("discount_fen: 1200", "discount_fen: -1", f"34: terms[0].recharge.tiers[1].discount_fen: value '-1': expected {FEN}"),
        ("gb: 50", "gb: 1e2", f"28: terms[0].data_gift.unit_price_fen_per_gb: value '100.0': expected {FEN}"),
        # the campaign
        ("campaign: spring1", "campaign: Spring", "1: campaign: value 'Spring': expected 1 to 20 lower-case letters and digits, in quotes where all are digits"),
        ("campaign: spring1", "campaign: abcdefghijklmnopqrstu", "1: campaign: value 'abcdefghijklmnopqrstu': expected 1 to 20 lower-case letters and digits, in quotes where all are digits"),
        ("carrier: some_carrier", "carrier: other", "3: carrier: value 'other': expected the name of a carrier profile; there is no carriers/other.yml"),
        ("carrier: some_carrier", "carrier: ../x", "3: carrier: value '../x': expected the name of a file in carriers/, without .yml"),
        ("starts_on: 2026-03-01", "starts_on: 2026-02-30", "4: starts_on: value '2026-02-30': expected a date YYYY-MM-DD"),
        ("ends_on: 2026-05-31", "ends_on: 2026-02-28", "5: ends_on: value '2026-02-28': expected a date not before starts_on, 2026-03-01"),
        ("share_bp: 200", "share_bp: 10001", "8: control_group.share_bp: value '10001': expected whole basis points from 0 to 10000"),
        ("effective_from: 2026-03-01", "effective_from: 2026-03-02", "11: terms[0].effective_from: value '2026-03-02': expected a date not after starts_on, 2026-03-01"),
        # eligibility
        ("founded_on: 1994-07-19", "founded_on: 1994", "16: terms[0].eligibility.founded_on: value '1994': expected a date YYYY-MM-DD"),
        ("judged_on: event", "judged_on: today", "22: terms[0].eligibility.tenure_judged_on: value 'today': expected one of event, campaign_start"),
        ("[0, 5, 10]", "[1, 5, 10]", "23: terms[0].eligibility.tenure_bands_years[0]: value '1': expected 0, so that no subscriber falls below the first band"),
        ("[0, 5, 10]", "[0, 5, 5]", "23: terms[0].eligibility.tenure_bands_years[2]: value '5': expected more than the 5 before it"),
        # benefits
        ("months: 3", "months: 0", "25: terms[0].data_gift.months: value '0': expected a whole number from 1 to 1000000"),
        ("match: exact", "match: nearest", "30: terms[0].recharge.match: value 'nearest': expected one of exact, floor"),
        ("face_fen: 20000", "face_fen: 10000", "34: terms[0].recharge.tiers[1].face_fen: value '10000': expected more than the 10000 before it"),
        ("discount_fen: 500", "discount_fen: 10001", "33: terms[0].recharge.tiers[0].discount_fen: value '10001': expected no more than face_fen, 10000"),
        (", instalments: 7", "", "34: terms[0].recharge.tiers[1].bonus_fen: value '2400': expected instalments beside it, to pay the bonus in"),
        ("bonus_fen: 2400, ", "", "34: terms[0].recharge.tiers[1].instalments: value '7': expected a bonus_fen beside it, to pay in instalments"),
        ("bonus_fen: 2400", "bonus_fen: 6", "34: terms[0].recharge.tiers[1].instalments: value '7': expected no more instalments than the bonus has fen, 6"),
        ("instalments: 7", "instalments: 0", "34: terms[0].recharge.tiers[1].instalments: value '0': expected a whole number from 1 to 600"),
        ("tier_month: 1", "tier_month: 0", "35: terms[0].recharge.limit_per_tier_month: value '0': expected a whole number from 1 to 1000000"),
        ("per_month: null", "per_month: 0", "36: terms[0].recharge.customer_limit_per_month: value '0': expected a whole number from 1 to 1000000, or null for no cap"),
        ("instalment_day: 5", "instalment_day: 29", "37: terms[0].recharge.instalment_day: value '29': expected a day of the month from 1 to 28, or null for the recharge's own day"),
        ("odd_fen_to: last", "odd_fen_to: middle", "38: terms[0].recharge.odd_fen_to: value 'middle': expected one of last, first"),
        # messages
        ('to: "20:00"', "to: 08:00", "45: terms[0].messages.hours.to: value '08:00': expected a time after from, 08:00"),
        ('to: "20:00"', 'to: "8pm"', "45: terms[0].messages.hours.to: value '8pm': expected a time of day HH:MM"),
        ("{messages: 2,", "{messages: 0,", "46: terms[0].messages.marketing_limit.messages: value '0': expected a whole number from 1 to 1000000"),
        ("code: PAID", "code: GIFT", "50: terms[0].messages.templates[1].code: value 'GIFT': expected each template code once"),
        ("code: PAID", 'code: "P|D"', "50: terms[0].messages.templates[1].code: value 'P|D': expected a code without spaces or '|', in quotes where it is a number"),
        ("event: data_gift", "event: birthday", "49: terms[0].messages.templates[0].event: value 'birthday': expected one of " + ", ".join(PLACEHOLDERS)),
        ("GB至{valid_to}", "GB{yuan}", "49: terms[0].messages.templates[0].text: value '【甲】{gigabytes}GB{yuan}': expected only the placeholders {gigabytes}, {megabytes}, {valid_from}, {valid_to}, {month}, not {yuan}"),
        ("元 退订", "元} 退订", "50: terms[0].messages.templates[1].text: value '【甲】第{instalment_no}期{yuan}元} 退订回T': expected only the placeholders {instalment_no}, {instalments}, {yuan}, {recharge_id}, not }"),
        ('"【甲】{gig', '"{gig', "49: terms[0].messages.templates[0].text: value '{gigabytes}GB至{valid_to}': expected to begin with the signature 【甲】"),
        (" 退订回T\"", '"', "50: terms[0].messages.templates[1].text: value '【甲】第{instalment_no}期{yuan}元': expected to end with the opt_out_text 退订回T"),
        ("GB至", "GB|", "49: terms[0].messages.templates[0].text: value '【甲】{gigabytes}GB|{valid_to}': expected text in one line, without '|'"),
        ("service, event: data_gift", "service, channel: fax, event: data_gift", "49: terms[0].messages.templates[0].channel: value 'fax': expected one of sms, push"),
        ("service, event: data_gift", "service, channel: push, event: data_gift", "49: terms[0].messages.templates[0].title: value 'null': expected a title exactly where the channel is push"),
        ("event: data_gift,", "event: data_gift, title: 到账,", "49: terms[0].messages.templates[0].title: value '到账': expected a title exactly where the channel is push"),
        ("service, event: data_gift", 'service, channel: push, title: "送{yuan}", event: data_gift', "49: terms[0].messages.templates[0].title: value '送{yuan}': expected only the placeholders {gigabytes}, {megabytes}, {valid_from}, {valid_to}, {month}, not {yuan}"),
        ("event: data_gift,", "event: data_gift, days_before_start: 1,", "49: terms[0].messages.templates[0].days_before_start: value '1': expected days exactly at an announcement"),
        ('event: instalment, text: "【甲】第{instalment_no}期{yuan}元', 'event: announcement, text: "【甲】{starts_on}起', "50: terms[0].messages.templates[1].days_before_start: value 'null': expected days exactly at an announcement"),
        ('service, event: data_gift, text: "【甲】{gigabytes}GB至{valid_to}', 'service, event: announcement, days_before_start: 3, text: "【甲】{starts_on}起', "49: terms[0].messages.templates[0].class: value 'service': expected marketing, which an announcement is"),
        ("marketing, event", "marketing, channel: push, title: 到账, event", "50: terms[0].messages.templates[1].channel: value 'push': expected a push_opt_out_text beside the templates"),
        ("signature: 【甲】", 'signature: "【甲】\\r"', "43: terms[0].messages.signature: value '【甲】\\r': expected text in one line, without '|'"),
        # budget
        ("line: B5.1", "line: B5", "53: budget[1].line: value 'B5': expected one of B1, B2, B3, B4, B5.1, B5.2, B6, B7, B8"),
        ("line: B5.1", "line: B1", "53: budget[1].month: value '2026-03': expected each month of line B1 once"),
        ("month: 2026-03, plan_fen: 20}", "month: 2026-13, plan_fen: 20}", "53: budget[1].month: value '2026-13': expected a month YYYY-MM"),
        ("plan_fen: 20}", "plan_fen: -20}", f"53: budget[1].plan_fen: value '-20': expected {FEN}"),
    ],
)  # fmt: skip
def test_one_mistake_is_refused_with_its_line_field_value_and_what_was_expected(
    write: Write, old: str, new: str, said: str
) -> None:
    assert refusal(write(changed((old, new)))) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: the file: value 'null': expected a mapping with campaign, name, carrier, starts_on, ends_on, priority, control_group, terms, budget"),
        ("campaign: [x\n", "2: no valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: &a\n  b: *a\n", " an alias holds itself, or the file nests too deeply: write it out"),
        ("a: !!set x\n", "1: a: value 'x': expected no tag such as tag:yaml.org,2002:set"),
        ("? [a]\n: 1\n", "1: the file: a list or mapping as a key: expected a plain name"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused(write: Write, text: str, said: str) -> None:
    assert refusal(write(text)) == [said]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yml") == [
        " cannot be read (No such file or directory): give the path of a YAML file"
    ]
    (tmp_path / "latin.yml").write_bytes(b"name: \xff\n")
    assert refusal(tmp_path / "latin.yml") == [" byte 6 is not UTF-8: save the file as UTF-8"]


def test_a_push_message_ends_with_how_to_refuse_in_the_app(write: Write) -> None:
    push = ("class: marketing, event", "class: marketing, channel: push, title: 到账, event")
    refused_in = ("opt_out_text: 退订回T", "opt_out_text: 退订回T\n      push_opt_out_text: 在App中关闭")
    told = "51: terms[0].messages.templates[1].text: value '【甲】第{instalment_no}期{yuan}元 退订回T': expected to end with the push_opt_out_text 在App中关闭"
    assert refusal(write(changed(push, refused_in))) == [told]
    right = load_campaign(write(changed(push, refused_in, ("元 退订回T", "元 在App中关闭"))))
    assert right.versions[0].terms["messages"]["templates"][1]["title"] == "到账"


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(write: Write) -> None:
    file = write(
        changed(
            ("plan_fen: 20}", "plan_fen: x}"),
            ("ends_on: 2026-05-31", "ends_on: 2026-01-31"),
            ("{face_fen: 10000, discount_fen: 500}", "{face_fen: 0, discount_fen: 1.5}"),
            ("match: exact", "match: any"),
        )
    )
    assert refusal(file) == [
        "5: ends_on: value '2026-01-31': expected a date not before starts_on, 2026-03-01",
        "30: terms[0].recharge.match: value 'any': expected one of exact, floor",
        "33: terms[0].recharge.tiers[0].face_fen: value '0': expected whole fen, 1 or more, without decimals or quotes",
        f"33: terms[0].recharge.tiers[0].discount_fen: value '1.5': expected {FEN}",
        f"53: budget[1].plan_fen: value 'x': expected {FEN}",
    ]


def test_a_mistake_of_the_first_version_is_told_once(write: Write) -> None:
    text = with_second(SECOND).replace("hold_days: 60", "hold_days: -1")
    assert refusal(write(text)) == ["39: terms[0].recharge.hold_days: value '-1': expected whole days from 0 to 10000"]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("late_days: -4", "53: terms[1].recharge.late_days: value '-4': expected whole days from 0 to 10000"),
        ("late: 4", "53: terms[1].recharge.late: value '4': expected a known field: did you mean 'late_days'?"),
        (
            "tiers: [{face_fen: 5, discount_fen: 6}]",
            "53: terms[1].recharge.tiers[0].discount_fen: value '6': expected no more than face_fen, 5",
        ),
    ],
)
def test_a_mistake_of_a_later_version_is_told_on_its_own_line(write: Write, second: str, said: str) -> None:
    assert refusal(write(with_second(SECOND.replace("late_days: 4", second)))) == [said]


def test_what_a_later_version_breaks_elsewhere_is_told_where_that_version_changes_it(write: Write) -> None:
    second = "  - effective_from: 2026-04-01\n    messages:\n      opt_out_text: 回N退订\n"
    assert refusal(write(with_second(second))) == [
        "52: terms[1].messages.templates[1].text: value '【甲】第{instalment_no}期{yuan}元 退订回T': expected to end with the opt_out_text 回N退订"
    ]


@pytest.mark.parametrize("effective_from", ["2026-03-01", "2026-02-01"])
def test_versions_ascend(write: Write, effective_from: str) -> None:
    assert refusal(write(with_second(SECOND.replace("2026-04-01", effective_from)))) == [
        f"51: terms[1].effective_from: value '{effective_from}': expected a date after the version before it, 2026-03-01"
    ]


def test_a_version_without_its_date_is_refused(write: Write) -> None:
    assert refusal(write(with_second("  - recharge: {late_days: 4}\n"))) == [
        "51: terms[1].effective_from: missing: expected a date YYYY-MM-DD"
    ]


def test_a_later_version_changes_only_what_it_names(write: Write) -> None:
    first, second = load_campaign(write(with_second(SECOND))).versions
    assert (second.effective_from, second.terms_version) == (date(2026, 4, 1), "spring1@2026-04-01")
    assert second.terms == {**first.terms, "recharge": {**first.terms["recharge"], "late_days": 4}}
    assert first.terms["recharge"]["late_days"] == 10


def test_a_list_is_replaced_whole_and_null_ends_a_benefit(write: Write) -> None:
    second = SECOND.replace("late_days: 4", "tiers: [{face_fen: 5000, discount_fen: 100}]")
    third = "  - effective_from: 2026-05-01\n    recharge: null\n"
    _, with_one_tier, without = load_campaign(write(with_second(second + third))).versions
    assert with_one_tier.terms["recharge"]["tiers"] == [
        {"face_fen": 5000, "discount_fen": 100, "bonus_fen": 0, "instalments": None}
    ]
    assert set(with_one_tier.terms) - set(without.terms) == {"recharge"}


def test_a_campaign_is_as_the_file_says(write: Write) -> None:
    file = write(TEXT)
    campaign = load_campaign(file)
    assert campaign == Campaign(
        campaign_id="spring1",
        name="春季",
        carrier="some_carrier",
        carrier_file=file.parents[1] / "carriers" / "some_carrier.yml",
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 5, 31),
        priority=10,
        control_share_bp=200,
        control_salt="s1",
        versions=campaign.versions,
        budget=(BudgetPlan("B1", date(2026, 3, 1), 1000), BudgetPlan("B5.1", date(2026, 3, 1), 20)),
        sha256=hashlib.sha256(TEXT.encode()).hexdigest(),
    )
    assert hash(campaign) == hash(load_campaign(file))
    (version,) = campaign.versions
    assert (version.effective_from, version.terms_version) == (date(2026, 3, 1), "spring1@2026-03-01")
    assert json.loads(json.dumps(version.terms)) == version.terms
    assert version.terms["eligibility"]["founded_on"] == "1994-07-19"
    assert version.terms["messages"]["hours"] == {"from": "08:00", "to": "20:00"}
    assert version.terms["messages"]["templates"][0] == {
        "code": "GIFT",
        "class": "service",
        "channel": "sms",
        "event": "data_gift",
        "days_before_start": None,
        "title": None,
        "text": "【甲】{gigabytes}GB至{valid_to}",
    }


def test_times_need_no_quotes_and_dates_may_have_them(write: Write) -> None:
    text = changed(('to: "20:00"', "to: 20:00"), ("ends_on: 2026-05-31", 'ends_on: "2026-05-31"'))
    campaign = load_campaign(write(text))
    assert campaign.ends_on == date(2026, 5, 31)
    assert campaign.versions[0].terms["messages"]["hours"]["to"] == "20:00"


def test_a_file_elsewhere_finds_the_carrier_in_the_home(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(TEXT)
    elsewhere = tmp_path / "a" / "b" / "mine.yml"
    elsewhere.parent.mkdir(parents=True)
    file.rename(elsewhere)
    monkeypatch.setenv("LAOYOUHUI_HOME", str(tmp_path))
    assert load_campaign(elsewhere).carrier_file == tmp_path / "carriers" / "some_carrier.yml"


def test_the_shipped_campaign_is_right() -> None:
    campaign = load_campaign(SHIPPED)
    assert campaign.campaign_id == "lyh2026"
    assert [version.terms_version for version in campaign.versions] == ["lyh2026@2026-01-26"]
    assert {plan.line for plan in campaign.budget} == {"B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8"}


def test_the_command_says_ok_or_what_is_wrong(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(TEXT)
    assert main([str(file)]) == 0
    assert capsys.readouterr() == ("ok\n", "")
    write(changed(("priority: 10", "priority: x")))
    assert main([str(file)]) == 2
    assert capsys.readouterr() == (
        "",
        f"{file}:6: priority: value 'x': expected a whole number from 0 to 1000000\n",
    )
    assert main([]) == 2
