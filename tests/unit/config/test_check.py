"""What `make check` refuses: a campaign file against the carrier's profile, the warehouse and the report; the profile itself.

Each case changes one place of the shipped files, and gives the line, field, value and what was expected.
"""

# ruff: noqa: E501 (the tables of refusals read one to a line)
from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from laoyouhui.config.campaign import judge_campaigns, judge_carrier, load_campaigns
from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.warehouse_agreement import carrier_mistakes
from laoyouhui_local.check import main

HOME = Path(__file__).parents[3]
LYH = (HOME / "campaigns" / "lyh2026.yml").read_text("utf-8")
XINCHUN = (HOME / "campaigns" / "xinchun2026.yml").read_text("utf-8")
PROFILE = (HOME / "carriers" / "china_unicom.yml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped files in a folder of one's own."""
    for name, text in {
        "campaigns/lyh2026.yml": LYH,
        "campaigns/xinchun2026.yml": XINCHUN,
        "carriers/china_unicom.yml": PROFILE,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def change(file: Path, old: str, new: str) -> int:
    """Change one place of a file; the line on which it stands."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def refused(*files: Path, carrier: Path | None = None) -> list[str]:
    """The lines of the refusal, each with the name of its file alone."""
    with pytest.raises(ConfigError) as error:
        load_campaigns(files, carrier)
    return [re.sub(r"^\S*/", "", line) for line in str(error.value).split("\n")]


GIFT = 'GIFT_ARRIVED, class: service, channel: sms, event: data_gift, text: "【中国联通】'
SMS = "interfaces.sms.text of china_unicom"
LONG = "长" * 1000
CHARACTERS = "characters that every reader shows, found "


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # characters that something behind the check cannot bear: PostgreSQL, .docx, HTML, the log
        ("name: 感恩相伴，联通老友惠", r'name: "\uD83C\uDF81"', rf"name: value '\ud83c\udf81': expected {CHARACTERS}U+D83C"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\0b"', rf"name: value 'a\u0000b': expected {CHARACTERS}U+0000"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\eb"', rf"name: value 'a\u001bb': expected {CHARACTERS}U+001B"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\tb"', rf"name: value 'a\tb': expected {CHARACTERS}U+0009"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\Nb"', rf"name: value 'a\u0085b': expected {CHARACTERS}U+0085"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\Lb"', rf"name: value 'a\u2028b': expected {CHARACTERS}U+2028"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\uFFFEb"', rf"name: value 'a\ufffeb': expected {CHARACTERS}U+FFFE"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\U0010FFFFb"', rf"name: value 'a\udbff\udfffb': expected {CHARACTERS}U+10FFFF"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\u202Eb"', rf"name: value 'a\u202eb': expected {CHARACTERS}U+202E"),
        ("name: 感恩相伴，联通老友惠", r'name: "a\uFEFFb"', rf"name: value 'a\ufeffb': expected {CHARACTERS}U+FEFF"),
        ("name: 感恩相伴，联通老友惠", f"name: {'名' * 260}", f"name: value '{'名' * 79}…': expected at most 200 characters, found 260"),
        ("salt: lyh2026", r'salt: "\x01"', rf"control_group.salt: value '\u0001': expected {CHARACTERS}U+0001"),
        ("signature: 【中国联通】", "signature: 中国联通", "terms[0].messages.signature: value '中国联通': expected the sender's name in 【】, such as 【中国联通】"),
        ("signature: 【中国联通】", "signature: 【甲】乙】", "terms[0].messages.signature: value '【甲】乙】': expected the sender's name in 【】, such as 【中国联通】"),
        ("signature: 【中国联通】", r'signature: "\x9b"', rf"terms[0].messages.signature: value '\u009b': expected {CHARACTERS}U+009B"),
        ("code: CLOUD, name: 沃云盘会员体验", r'code: CLOUD, name: "\x7f"', rf"terms[0].trials.offers[0].name: value '\u007f': expected {CHARACTERS}U+007F"),
        ("link: \"https://u.example/c\"", r'link: "https://u.example/\x7f"', rf"terms[0].trials.offers[0].link: value 'https://u.example/\u007f': expected {CHARACTERS}U+007F"),
        ("platform: APP, from", r'platform: "A\x08", from', rf"terms[0].publicity.activities[0].platform: value 'A\b': expected {CHARACTERS}U+0008"),
        ("partner: 万达广场", r'partner: "\ud800"', rf"terms[0].publicity.activities[5].partner: value '\ud800': expected {CHARACTERS}U+D800"),
        ("places: [北京石景山", r'places: ["\ufdd0"', rf"terms[0].publicity.activities[5].places[0]: value '\ufdd0': expected {CHARACTERS}U+FDD0"),
        # dates
        ("ends_on: 2026-04-30", "ends_on: 9999-12-31", "ends_on: value '9999-12-31': expected from 2000-01-01 to 2100-12-31"),
        ("starts_on: 2026-01-26", "starts_on: 0001-01-01", "starts_on: value '0001-01-01': expected from 2000-01-01 to 2100-12-31"),
        ("founded_on: 1994-07-19", "founded_on: 0001-01-01", "terms[0].eligibility.founded_on: value '0001-01-01': expected from 1900-01-01 to 2100-12-31"),
        ("opens_on: 2026-01-29", "opens_on: 9999-12-31", "terms[0].trials.offers[0].opens_on: value '9999-12-31': expected from 2000-01-01 to 2100-12-31"),
        ("from: 2026-01-19, to: 2026-04-30", "from: 2026-01-19, to: 2200-01-01", "terms[0].publicity.activities[0].to: value '2200-01-01': expected from 2000-01-01 to 2100-12-31"),
        ("{line: B8, month: 2026-05", "{line: B8, month: 0000-05", "budget[54].month: value '0000-05': expected from 2000-01 to 2100-12"),
        # amounts and counts, alone and together
        ("unit_price_fen_per_gb: 50", "unit_price_fen_per_gb: 1000000001", "terms[0].data_gift.unit_price_fen_per_gb: value '1000000001': expected at most 1000000 fen"),
        ("      unit_price_fen: 4", "      unit_price_fen: 10000000", "terms[0].messages.unit_price_fen: value '10000000': expected at most 1000000 fen"),
        ("places: 60, cost_fen: 300", "places: 60, cost_fen: 1000000000000", "terms[0].trials.offers[0].cost_fen: value '1000000000000': expected at most 1000000000 fen"),
        ("bonus_fen: 2400", "bonus_fen: 999999999999999999999", "terms[0].recharge.tiers[1].bonus_fen: value '999999999999999999999': expected at most 1000000000 fen"),
        ("answer_hours: 24", "answer_hours: 1000000", "terms[0].service.answer_hours: value '1000000': expected whole hours from 1 to 10000"),
        ("instalments: 12", "instalments: 601", "terms[0].recharge.tiers[2].instalments: value '601': expected a whole number from 1 to 600"),
        ("face_fen: 30000", "face_fen: 30000000", "terms[0].recharge.tiers[2].face_fen: value '30000000': expected at most 10000000: feeds.recharge.face_amount of china_unicom"),
        ("to: 2026-04-30, planned_cost_fen: 500000", "to: 2026-04-30, planned_cost_fen: 10000000000001", "terms[0].publicity.activities[0].planned_cost_fen: value '10000000000001': expected at most 10000000000000 fen"),
        ("{line: B8, month: 2026-05, plan_fen: 200000}", "{line: B8, month: 2026-05, plan_fen: 99999999999999}", "budget[54].plan_fen: value '99999999999999': expected at most 10000000000000 fen"),
        ("    phases: ", "    caps: {B1: 10000000000001}\n    phases: ", "terms[0].caps.B1: value '10000000000001': expected at most 10000000000000 fen"),
        ("segments: [CONSUMER]", f"segments: [{', '.join(f'S{n}' for n in range(1001))}]", "terms[0].eligibility.segments: a list: expected at most 1000 entries"),
        ("max_row_fen: null", "max_row_fen: 10000000000001", "terms[0].release.max_row_fen: value '10000000000001': expected at most 10000000000000 fen"),
        # codes of the profile
        ("channels: [APP, HALL]\n      tiers", "channels: [APP, HALLL]\n      tiers", "terms[0].recharge.channels[1]: value 'HALLL': expected one of APP, HALL, AGENT, BANK, CARD: feeds.recharge.channel of china_unicom"),
        ("channels: [APP, HALL]\n      bands", "channels: [BANK]\n      bands", "terms[0].devices.channels[0]: value 'BANK': expected one of APP, HALL: feeds.device_order.channel of china_unicom"),
        ("segments: [CONSUMER]", "segments: [CONSUMERS]", "terms[0].eligibility.segments[0]: value 'CONSUMERS': expected one of CONSUMER, BUSINESS, IOT, TEST, STAFF, DEALER: feeds.subscriber.segment of china_unicom"),
        ("code: TENCENT", "code: TENCENT2", "terms[0].cards.platforms[0].code: value 'TENCENT2': expected one of TENCENT, IQIYI, YOUKU: feeds.card_claim.platform of china_unicom"),
        ("platform: WEIBO", "platform: 微博", "terms[0].publicity.activities[1].platform: value '微博': expected letters, digits and _ . : - alone: feeds.social.platform of china_unicom"),
        # what leaves in a column of an interface
        ("product_code: LYHMLD5G", "product_code: 流量包", "terms[0].data_gift.product_code: value '流量包': expected letters, digits and _ . : - alone: interfaces.data_grant.product_code of china_unicom"),
        ("product_code: LYHMLD5G", "product_code: 'L\"5'", "terms[0].data_gift.product_code: value 'L\"5': expected letters, digits and _ . : - alone: interfaces.data_grant.product_code of china_unicom"),
        ("product_code: LYHMLD5G", 'product_code: "NULL"', "terms[0].data_gift.product_code: value 'NULL': expected a code: in a file NULL says nothing: interfaces.data_grant.product_code of china_unicom"),
        ("product_code: LYHMLD5G", f"product_code: {'L' * 65}", f"terms[0].data_gift.product_code: value '{'L' * 65}': expected at most 64 characters, found 65"),
        ("code: GIFT_ARRIVED", "code: 到账", "terms[0].messages.templates[2].code: value '到账': expected letters, digits and _ . : - alone: interfaces.sms.template_code of china_unicom"),
        ("code: ANNOUNCED_IN_APP", "code: 'a{b'", "terms[0].messages.templates[1].code: value 'a{b': expected letters, digits and _ . : - alone: interfaces.push.template_code of china_unicom"),
        ("{code: CLOUD", "{code: 云盘", "terms[0].trials.offers[0].code: value '云盘': expected letters, digits and _ . : - alone: feeds.trial_application.trial_code of china_unicom"),
        (GIFT, GIFT + LONG, f"terms[0].messages.templates[2].text: value '【中国联通】{'长' * 73}…': expected at most 1000 characters, found 1059: {SMS}, with its placeholders filled in"),
        ('title: "感恩相伴，老友惠开启"', f'title: "{"题" * 201}"', f"terms[0].messages.templates[1].title: value '{'题' * 79}…': expected at most 200 characters, found 201: interfaces.push.title of china_unicom"),
        # with 64 of any recharge's id
        ('event: instalment, text: "【中国联通】您参加老友惠充值活动的赠送话费', f'event: instalment, text: "【中国联通】{"长" * 905}{{recharge_id}}', f"terms[0].messages.templates[3].text: value '【中国联通】{'长' * 73}…': expected at most 1000 characters, found 1001: {SMS}, with its placeholders filled in"),
        # with 64 of any card's code
        ('text: "【中国联通】您领取的', f'text: "【中国联通】{"长" * 902}', f"terms[0].messages.templates[4].text: value '【中国联通】{'长' * 73}…': expected at most 1000 characters, found 1002: {SMS}, with its placeholders filled in"),
    ],
)  # fmt: skip
def test_a_campaign_file_is_refused_with_line_field_value_and_what_was_expected(
    folder: Path, old: str, new: str, said: str
) -> None:
    file = folder / "campaigns" / "lyh2026.yml"
    line = change(file, old, new)
    found = refused(file)
    # a list's or a tier's own line
    assert [re.sub(r":\d+:", ":", each, count=1) for each in found] == [f"lyh2026.yml: {said}"]
    assert 0 <= int(found[0].split(":")[1]) - line <= 2


NEEDS = "    readiness:\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("course: LYH-HALL", "course: 营业员培训", "terms[0].readiness.trainings[0].course: value '营业员培训': expected letters, digits and _ . : - alone: feeds.training.course of china_unicom"),
        ("system: DATA_GIFT", "system: 流量", "terms[0].readiness.system_tests[0].system: value '流量': expected letters, digits and _ . : - alone: feeds.system_test.system of china_unicom"),
        ("item: POSTER", f"item: {'P' * 65}", f"terms[0].readiness.stock[0].item: value '{'P' * 65}': expected at most 64 characters, found 65"),
        ("quantity: 10, halls: all", "quantity: 10, halls: [王府井]", "terms[0].readiness.stock[0].halls[0]: value '王府井': expected letters, digits and _ . : - alone: feeds.hall.hall_code of china_unicom"),
        ("quantity: 10, halls: all", r'quantity: 10, halls: ["H\x01"]', "terms[0].readiness.stock[0].halls: a list: expected characters that every reader shows, found U+0001"),
        ("responsible: 周敏", r'responsible: "周\x1b[2J敏"', rf"terms[0].readiness.teams[0].responsible: value '周\u001b[2J敏': expected {CHARACTERS}U+001B"),
        ("campaigns: [lyh2026]", "campaigns: [xinchun2026]", "terms[0].stacking.exclusive[0].campaigns[0]: value 'xinchun2026': expected another campaign than this one"),
    ],
)  # fmt: skip
def test_what_has_to_be_ready_and_who_is_excluded_has_to_be_known(folder: Path, old: str, new: str, said: str) -> None:
    file = folder / "campaigns" / "xinchun2026.yml"
    line = change(file, old, new)
    assert refused(file) == [f"xinchun2026.yml:{line}: {said}"]


def test_a_campaign_that_nobody_knows_is_a_warning_and_stops_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other file may lie elsewhere (rules, 1.9: it is asked for when it runs), or its name be mistyped."""
    file = folder / "campaigns" / "xinchun2026.yml"
    assert judge_campaigns([file])[1] == []
    line = change(file, "campaigns: [lyh2026]", "campaigns: [lyh2027]")
    (campaign,), warnings = judge_campaigns([file])
    assert campaign.campaign_id == "xinchun2026"
    place = f"{file}:{line}: terms[0].stacking.exclusive[0].campaigns[0]: value 'lyh2027': "
    said = (
        f"{place}expected a campaign that runs beside it, or lies beside it as lyh2027.yml: none does, none is excluded"
    )
    assert warnings == [said]
    assert main({"CAMPAIGN": str(file)}) == 0
    assert capsys.readouterr() == ("ok\n", f"warning: {said}\n")


@pytest.mark.parametrize(
    ("people", "is_right"),
    [
        ([], False),
        (["{name: 张三, role: a, may: [ask, confirm]}"], False),
        (["{name: 张三, role: a, may: [ask]}", "{name: 李四, role: a, may: [ask]}"], False),
        (["{name: 张三, role: a, may: [ask]}", "{name: 李四, role: a, may: [confirm]}"], True),
    ],
)
def test_a_limit_of_a_release_needs_two_people_who_can_let_it_go_on(
    folder: Path, people: list[str], is_right: bool
) -> None:
    file = folder / "campaigns" / "lyh2026.yml"
    text = file.read_text("utf-8")
    begin, end = text.index("people:"), text.index("overrides:")
    file.write_text(f"{text[:begin]}people: [{', '.join(people)}]\n{text[end:]}", "utf-8")
    assert load_campaigns([file])
    line = change(file, "max_day_fen: null", "max_day_fen: 1000000")
    if is_right:
        assert load_campaigns([file])
    else:
        said = "expected null, or one who may ask and another who may confirm: above it a release waits for them"
        assert refused(file) == [f"lyh2026.yml:{line}: terms[0].release.max_day_fen: value '1000000': {said}"]


SECOND = """\
  - effective_from: 2026-03-01
    recharge: {limit_per_tier_month: 2}
  - effective_from: 2026-04-01
    cards: {platforms: [{code: BILI, name: 哔哩, monthly_need: 1}]}
budget:
"""


def test_what_a_later_version_says_is_told_on_its_line_and_what_it_inherits_once(folder: Path) -> None:
    file = folder / "campaigns" / "lyh2026.yml"
    line = change(file, "segments: [CONSUMER]", "segments: [CONSUMERS]")
    change(file, "budget:  ", f"{SECOND}#")
    last = file.read_text("utf-8").split("platforms: [{code: BILI")[0].count("\n") + 1
    assert [each.split(": expected")[0] for each in refused(file)] == [
        f"lyh2026.yml:{line}: terms[0].eligibility.segments[0]: value 'CONSUMERS'",
        f"lyh2026.yml:{last}: terms[2].cards.platforms[0].code: value 'BILI'",
    ]


def test_a_message_can_tell_of_what_an_older_version_promised(folder: Path) -> None:
    """The bonus of 600 instalments ends in March; its messages are written by the template of March."""
    file = folder / "campaigns" / "lyh2026.yml"
    change(file, "bonus_fen: 5000, instalments: 12", "bonus_fen: 5000, instalments: 600")
    templates = f'[{{code: T, class: service, event: instalment, text: "【中国联通】{"长" * 991}{{instalment_no}}"}}]'
    change(
        file,
        "budget:  ",
        f"  - effective_from: 2026-03-01\n    recharge: null\n    cards: null\n    messages: {{templates: {templates}}}\nbudget:  ",
    )
    change(file, "长" * 991, "长" * 992)
    assert [each.split("expected ")[1] for each in refused(file)] == [
        f"at most 1000 characters, found 1001: {SMS}, with its placeholders filled in"
    ]
    change(file, "长" * 992, "长" * 991)
    assert load_campaigns([file])


@pytest.mark.parametrize(
    ("files", "old", "new", "said"),
    [
        ({"encoding": "gbk"}, "GB国内流量已到账", "GB国内流量已到账🎁", "templates[2].text: value '…': expected characters of gbk, found U+1F381: interfaces.sms.text of china_unicom, with its placeholders filled in"),
        ({"encoding": "gbk"}, "name: 沃云盘会员体验", "name: 沃云盘🎁", "trials.offers[0].name: value '…': expected characters of gbk, found U+1F381: interfaces.sms.text of china_unicom"),
        ({"delimiter": ","}, "GB国内流量已到账，", "GB国内流量已到账,", "templates[2].text: value '…': expected no ',', which parts the fields of the carrier's files: interfaces.sms.text of china_unicom, with its placeholders filled in"),
        ({"delimiter": "^"}, "name: 腾讯视频", "name: 腾讯^视频", "cards.platforms[0].name: value '…': expected no '^', which parts the fields of the carrier's files: interfaces.sms.text of china_unicom"),
        ({"delimiter": ","}, "感恩相伴，老友惠开启", "感恩相伴,老友惠开启", "templates[1].title: value '…': expected no ',', which parts the fields of the carrier's files: interfaces.push.title of china_unicom"),
    ],
)  # fmt: skip
def test_what_leaves_can_be_formatted_in_the_carriers_files(
    folder: Path, files: Mapping[str, str], old: str, new: str, said: str
) -> None:
    file, profile = folder / "campaigns" / "lyh2026.yml", folder / "carriers" / "china_unicom.yml"
    for field, value in files.items():
        change(
            profile,
            {"encoding": "  encoding: gb18030", "delimiter": '  delimiter: "|"                  #'}[field],
            f'  {field}: "{value}" #',
        )
    line = change(file, old, new)
    found = [re.sub("value '.*?': expected", "value '…': expected", each) for each in refused(file)]
    before = "terms[0].messages." if said.startswith("templates") else "terms[0]."
    assert f"lyh2026.yml:{line}: {before}{said}" in found


@pytest.mark.parametrize(
    ("at", "old", "new", "said"),
    [
        ("  data_grant:\n", "      - {name: valid_to, type: date, required: true}\n", "      - {name: valid_to, type: date, required: true}\n      - {name: memo, type: text}\n", "interfaces.data_grant.columns[7].name: value 'memo': expected a column of exports.export_data_grant: grant_key, subscriber_id, msisdn, product_code, megabytes, valid_from, valid_to"),
        ("  data_grant:\n", "      - {name: megabytes, type: int, required: true}\n", "", "interfaces.data_grant.columns: expected a column megabytes, which the warehouse fills"),
        ("  data_grant:\n", "{name: megabytes, type: int", "{name: megabytes, type: date", "interfaces.data_grant.columns[4].type: value 'date': expected int of integer"),
        ("  credit:\n", "{name: amount, type: fen", "{name: amount, type: id", "interfaces.credit.control: value 'amount': expected a column of type fen or yuan of this file"),
        ("  credit:\n", "codes: [INSTALMENT, MAKE_GOOD, CLAWBACK]", "codes: [INSTALMENT, MAKE_GOOD]", "interfaces.credit.columns[4].codes: expected a word for each of INSTALMENT, MAKE_GOOD, CLAWBACK"),
        ("  device_decision:\n", "{name: reason, type: id}", "{name: reason, type: code, codes: [TENURE]}", "interfaces.device_decision.columns[6].type: value 'code': expected id or text: which words stand here is no list"),
        ("  sms:\n", "{name: message_key, type: id,", "{name: message_key, type: id, length: 20,", "interfaces.sms.columns[0].length: value 20: expected at least 32, which a key has"),
        ("  subscriber:\n", "codes: [A, S, C, P]", 'codes: {"1": ACTIVE, "2": S}', "feeds.subscriber.columns[5].codes: expected words of the warehouse, A, S, C, P, A among them"),
        ("  subscriber:\n", "      - {name: real_name, type: code, codes: [\"Y\", \"N\"]}\n", "", "feeds.subscriber.columns: expected a column real_name, which the warehouse reads"),
        ("  recharge:\n", "codes: [RECHARGE, REVERSAL]", "codes: [RECHARGE, REFUND]", "feeds.recharge.columns[4].codes: expected words of the warehouse, RECHARGE, REVERSAL, RECHARGE among them"),
        ("  recharge:\n", "{name: recharged_at, type: timestamp", "{name: recharged_at, type: date", "feeds.recharge.columns[3].type: value 'date': expected timestamp, as the warehouse reads it"),
        ("  family_request:\n", "serves: family_numbers", "serves: family", "feeds.family_request.serves: value 'family': expected a section of a campaign's terms: caps"),
        ("  hall:\n", "kind: snapshot", "kind: events", "feeds.hall.kind: value 'events': expected snapshot, as the warehouse reads it"),
        ("  recharge:\n", "key: [recharge_id]", "key: [recharge_id, recharged_at]", "feeds.recharge.key: expected [recharge_id], by which the warehouse tells rows apart"),
        ("  social:\n", "key: [platform, day, topic]", "key: [platform, day]", "feeds.social.key: expected [platform, day, topic], by which"),
        ("  recharge:\n", "{name: recharged_at, type: timestamp, required: true}", "{name: recharged_at, type: timestamp}", "feeds.recharge.columns[3].required: expected true: the warehouse decides nothing without it"),
        ("  subscriber:\n", "codes: [A, S, C, P], required: true}", "codes: [A, S, C, P], required: false}", "feeds.subscriber.columns[5].required: value False: expected true: the warehouse decides nothing"),
        ("  credit:\n", "{name: instalment_no, type: int}", "{name: instalment_no, type: int, required: true}", "interfaces.credit.columns[5].required: value True: expected false: rows that leave may have nothing here"),
        ("  device_decision:\n", "{name: reason, type: id}", "{name: reason, type: id, required: true}", "interfaces.device_decision.columns[6].required: value True: expected false"),
        ("  credit:\n", "    control: amount\n", "", "interfaces.credit.control: expected amount: books and limits count by it"),
        ("  device_decision:\n", "    max_rows: 100000\n", "    max_rows: 100000\n    control: paid_price\n", "interfaces.device_decision.control: value 'paid_price': expected none: books and limits count by it"),
        ("  credit:\n", "{name: source_recharge_id, type: id,", "{name: source_recharge_id, type: id, length: 20,", "interfaces.credit.columns[7].length: value 20: expected at least 64, as feeds.recharge.recharge_id, which leaves here"),
        ("  sms:\n", "{name: msisdn, type: id,", "{name: msisdn, type: id, length: 10,", "interfaces.sms.columns[1].length: value 10: expected at least 11, as feeds.subscriber.msisdn, which leaves here"),
        ("  subscriber:\n", "{name: subscriber_id, type: id, required", "{name: subscriber_id, type: id, length: 70, required", "interfaces.credit.columns[1].length: expected at least 70, as feeds.subscriber.subscriber_id, which leaves here"),
        ("  eligibility:\n", "{name: reason, type: id}", "{name: reason, type: id, length: 5}", "interfaces.eligibility.columns[4]: expected a column that can hold OWNER_CHANGED: at most 5 characters, found 13"),
        ("  credit:\n", "{name: kind, type: code, codes: [INSTALMENT, MAKE_GOOD, CLAWBACK], required", "{name: kind, type: text, length: 9, required", "interfaces.credit.columns[4]: expected a column that can hold INSTALMENT: at most 9 characters, found 10"),
        ("files:  ", 'id_characters: "_.:-"', 'id_characters: "-"', "interfaces.device_decision.columns[6]: expected a column that can hold OWNER_CHANGED: letters, digits and - alone"),
        ("  hall:\n", "{name: name, type: text}", r'{name: name, type: text, title: "a\nb"}', r"feeds.hall.columns[1].title: value 'a\nb': expected characters that every reader shows, found U+000A"),
        ("  card_stock:\n", ", secret: true", "", "feeds.card_stock.columns[0].secret: expected true: only the vault may keep its values"),
    ],
)  # fmt: skip
def test_a_profile_that_the_warehouse_does_not_know_is_refused(
    folder: Path, at: str, old: str, new: str, said: str
) -> None:
    profile = folder / "carriers" / "china_unicom.yml"
    text = profile.read_text("utf-8")
    begins = text.rindex(at) if at in text[text.index("interfaces:") :] else text.index(at)
    place = text.index(old, begins)
    profile.write_text(text[:place] + new + text[place + len(old) :], "utf-8")
    with pytest.raises(ConfigError) as error:
        judge_carrier(profile)
    found = str(error.value).split("\n")
    assert re.sub(r"^\S*:\d+: ", "", found[0]).startswith(said)
    # one change can be wrong in several places, but nothing else is
    assert (
        len(found) == 1
        or said.rsplit(": expected", maxsplit=1)[-1] in found[-1]
        or "leaves here" in said
        or "id_char" in new
    )
    # the campaign that names it is refused with the same words
    assert refused(folder / "campaigns" / "lyh2026.yml")[: len(found)] == [re.sub(r"^\S*/", "", each) for each in found]


def test_a_profile_without_a_feed_or_an_interface_is_refused() -> None:
    shipped = load_carrier(HOME / "carriers" / "china_unicom.yml")
    less = shipped.model_copy(update={
        "feeds": {name: feed for name, feed in shipped.feeds.items() if name not in {"optout", "recharge"}},
        "interfaces": {name: interface for name, interface in shipped.interfaces.items() if name != "push"},
    })  # fmt: skip
    assert list(carrier_mistakes(less, HOME)) == [
        (("feeds",), "the feed recharge, which the warehouse reads"),
        (("feeds",), "the feed optout, which the warehouse reads"),
        (("interfaces",), "the interface push, without which what the warehouse decides never leaves"),
    ]


def test_of_several_campaigns_each_has_a_name_of_its_own_in_what_leaves(folder: Path) -> None:
    first, second = folder / "campaigns" / "lyh2026.yml", folder / "campaigns" / "xinchun2026.yml"
    assert load_campaigns([first, second])
    profile = folder / "carriers" / "china_unicom.yml"
    text = profile.read_text("utf-8")
    at = text.index("  credit:\n", text.index("interfaces:"))
    profile.write_text(text[:at] + text[at:].replace("{interface}_{campaign}_", "{interface}_", 1), "utf-8")
    assert load_campaigns([first])
    said = "expected one campaign: the profile's file names of credit hold no {campaign}"
    assert [each.split("': ")[1] for each in refused(first, second)] == [said, said]


def test_what_the_warehouse_reads_is_what_stands_beside_its_sources() -> None:
    """Each column of the shipped profile that a staging model names, as a word outside a comment; no other."""
    carrier: Carrier = load_carrier(HOME / "carriers" / "china_unicom.yml")
    said = yaml.safe_load((HOME / "dbt_project/models/staging/sources.yml").read_text("utf-8"))["sources"][0]["tables"]
    reads = {table["name"]: table["config"]["meta"]["reads"] for table in said if "meta" in table.get("config", {})}
    assert set(reads) == set(carrier.feeds)
    for name, feed in carrier.feeds.items():
        sql = "".join(path.read_text("utf-8") for path in (HOME / "dbt_project/models/staging" / name).glob("*.sql"))
        words = set(re.findall(r"[a-z_]+", re.sub("--.*", "", sql)))
        columns = {column.name for column in feed.columns} | {f"{secret}_length" for secret in feed.secrets}
        assert set(reads[name]) == columns & words, name


def test_two_interfaces_never_name_a_file_alike(folder: Path) -> None:
    """Of `{campaign}_...` and `sms_...` a campaign called sms would make one."""
    profile, file = folder / "carriers" / "china_unicom.yml", folder / "campaigns" / "lyh2026.yml"
    text = profile.read_text("utf-8")
    at = text.index("  credit:\n", text.index("interfaces:"))
    text = text[:at] + text[at:].replace("{interface}_{campaign}_", "{campaign}_", 1)
    at = text.index("  sms:\n", text.index("interfaces:"))
    profile.write_text(text[:at] + text[at:].replace("{interface}_{campaign}_", "{interface}_", 1), "utf-8")
    assert load_campaigns([file])
    change(file, "campaign: lyh2026", "campaign: sms")
    assert [each.split("expected ")[1] for each in refused(file)] == [
        "another name: files of two interfaces would be called sms_{date}_{seq}"
    ]


# --- the file itself -------------------------------------------------------------------------------------------------

BOMB = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LYH.encode("gb18030"), "x.yml: byte 2 is not UTF-8: save the file as UTF-8"),
        (LYH.encode("utf-16"), "x.yml: byte 0 is not UTF-8: save the file as UTF-8"),
        (b"a: [" * 100_000, "x.yml:1: expected at most 50 levels of nesting"),
        (b"- " * 100_000, "x.yml:1: expected at most 50 levels of nesting"),
        (BOMB.encode(), "x.yml: an alias holds itself, or the file nests too deeply: write it out"),
        (b"campaign: x\n\tname: y\n", "x.yml:2: no valid YAML: found character '\\t' that cannot start any token"),
        (b"a: \x00", "x.yml: no valid YAML: unacceptable character #x0000: special characters are not allowed in \"<unicode string>\", position 3"),
        (b"#" * (1 << 20) + b"\n", "x.yml: 1048577 bytes: expected at most 1048576"),
        (b'"priority\\n": 1\n', "x.yml:1: priority\\n: value '1': expected a known field: did you mean 'priority'?"),
        (b"a: !!python/object:os.system x\n", "x.yml:1: a: value 'x': expected no tag such as tag:yaml.org,2002:python/object:os.system"),
        (b"priority: " + b"9" * 5000, f"x.yml:1: priority: value '\"{'9' * 78}…': expected a whole number from 0 to 1000000"),
        (b"name: " + b"a" * 300_000 + b'"|"', f"x.yml:1: name: value '{'a' * 79}…': expected at most 200 characters, found 300003"),
        ("s\u0430lt: 1\npriority\uff1a: 2\n".encode(), "x.yml:2: priority：: value '2': expected a known field, found U+FF1A: did you mean 'priority'?"),
        (b"a: 1\n---\nb: 2\n", "x.yml:2: no valid YAML: but found another document"),
    ],
    ids=["gb18030", "utf16", "deep flow", "deep block", "bomb", "tab", "nul", "huge", "odd key", "tag", "long number", "square of its length", "look-alike", "two documents"],
)  # fmt: skip
def test_a_file_that_is_a_trap_is_refused_quickly_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "x.yml"
    file.write_bytes(content)
    began = time.process_time()
    assert said in refused(file)
    assert time.process_time() - began < 5


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "x.yml"
    os.mkfifo(file)
    assert refused(file) == ["x.yml: no file: give the path of a YAML file"]


def test_a_file_with_a_mark_at_its_begin_is_read(folder: Path) -> None:
    file = folder / "campaigns" / "lyh2026.yml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_campaigns([file])


def test_emoji_and_rare_characters_may_stand_in_texts(folder: Path) -> None:
    file = folder / "campaigns" / "lyh2026.yml"
    change(file, "name: 感恩相伴，联通老友惠", "name: 感恩👨‍👩‍👧❤️𠮷　é")
    change(file, "GB国内流量已到账", "GB国内流量已到账🎁👨‍👩‍👧𠮷")
    (campaign,) = load_campaigns([file])
    assert campaign.name == "感恩👨‍👩‍👧❤️𠮷　é"


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_judges_campaigns_and_profile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, profile = folder / "campaigns" / "lyh2026.yml", folder / "carriers" / "china_unicom.yml"
    both = f"{file}:{folder / 'campaigns' / 'xinchun2026.yml'}"
    for variables in ({"CAMPAIGN": both}, {"CARRIER": str(profile)}, {"CAMPAIGN": str(file), "CARRIER": str(profile)}):
        assert main(variables) == 0
        assert capsys.readouterr() == ("ok\n", "")
    line = change(profile, "{name: recharged_at, type: timestamp", "{name: recharged_at, type: text")
    assert main({"CARRIER": str(profile)}) == 2
    said = f"{profile}:{line}: feeds.recharge.columns[3].type: value 'text': expected timestamp, as the warehouse reads it\n"
    assert capsys.readouterr() == ("", said)
    assert main({"CAMPAIGN": both}) == 2
    assert capsys.readouterr() == ("", said)
    assert main({"CAMPAIGN": str(folder / "none.yml")}) == 2


def test_make_check_works_from_any_folder(folder: Path) -> None:
    for name, expected in {"lyh2026": (0, "ok\n"), "none": (2, "")}.items():
        ran = subprocess.run(
            ["make", "-s", "-C", str(HOME), "check", f"CAMPAIGN=campaigns/{name}.yml"],
            cwd=folder, env=os.environ | {"PWD": str(folder)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == expected, ran.stderr


def test_the_check_costs_no_step_more_than_a_moment() -> None:
    files = [HOME / "campaigns" / "lyh2026.yml", HOME / "campaigns" / "xinchun2026.yml"]
    took = []
    for _ in range(5):
        began = time.process_time()
        load_campaigns(files)
        took.append(time.process_time() - began)
    assert min(took) < 0.05
