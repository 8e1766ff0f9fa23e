"""Carrier profiles: what the shipped one declares, and what is said of a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings

PROFILE = Path(__file__).parents[3] / "carriers" / "china_unicom.yml"


def test_the_shipped_profile_is_the_carrier_interface() -> None:
    carrier = load_carrier(PROFILE)
    assert {name: (feed.kind, feed.control, len(feed.columns)) for name, feed in carrier.feeds.items()} == {
        "subscriber": ("snapshot", None, 16),
        "recharge": ("events", "face_amount", 11),
        "hall": ("snapshot", None, 5),
        "expense": ("events", "amount_yuan", 5),
        "optout": ("events", None, 6),
        "sms_report": ("events", None, 7),
        "family_request": ("events", None, 7),
        "device_catalogue": ("snapshot", None, 6),
        "device_order": ("events", "paid_price_yuan", 11),
        "card_stock": ("events", None, 5),
        "card_claim": ("events", None, 4),
        "trial_application": ("events", None, 4),
        "ticket": ("events", None, 9),
        "survey": ("events", None, 8),
        "social": ("events", None, 6),
        "stock_movement": ("events", None, 7),
        "training": ("events", None, 6),
        "system_test": ("events", None, 6),
    }
    assert {name: (i.control, i.max_rows, len(i.columns)) for name, i in carrier.interfaces.items()} == {
        "eligibility": (None, 100_000, 5),
        "data_grant": (None, 100_000, 7),
        "credit": ("amount", 100_000, 8),
        "sms": (None, 100_000, 7),
        "push": (None, 100_000, 7),
        "family_link": (None, 100_000, 6),
        "membership": (None, 100_000, 5),
        "trial_grant": (None, 100_000, 5),
        "device_decision": (None, 100_000, 7),
    }
    assert carrier.answer_codes == {
        "10": "REFUSED", "11": "REFUSED", "20": "ACCEPTED", "30": "REFUSED", "90": "RETRY",
    }  # fmt: skip
    assert {name: feed.secrets for name, feed in carrier.feeds.items() if feed.secrets} == {"card_stock": ("code",)}
    amount = carrier.feeds["expense"].control_column
    assert amount is not None
    assert amount.unit == "yuan"
    required = [column.name for column in carrier.feeds["subscriber"].columns if column.required]
    assert required == ["subscriber_id", "status"]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (
            "encoding: gb18030",
            "encoding: utf-16",
            "files.encoding: value 'utf-16': expected 'gb18030', 'gbk' or 'utf-8'",
        ),
        ('delimiter: "|"', 'delimiter: "||"', "files.delimiter: value '||': expected"),
        ("kind: snapshot", "kind: daily", "feeds.subscriber.kind: value 'daily': expected 'snapshot' or 'events'"),
        (
            "control: face_amount",
            "control: kind",
            "feeds.recharge.control: value 'kind': expected a column of type fen",
        ),
        ("key: [hall_code]", "key: [name]", "feeds.hall.key[0]: value 'name': expected a required column"),
        ("{name: msisdn, type: phone}", "{name: msisdn}", "feeds.subscriber.columns[1].type: expected to be given"),
        (
            "{name: msisdn, type: phone}",
            "{name: msisdn, typ: phone}",
            "columns[1].typ: value 'phone': expected no field",
        ),
        ("{name: msisdn, type: phone}", "{name: status, type: id}", "columns[1].name: value 'status': expected a name"),
        (
            "{name: msisdn, type: phone}",
            "{name: line_no, type: id}",
            "columns[1].name: value 'line_no': expected a name",
        ),
        ("{name: msisdn, type: phone}", "{name: msisdn, type: code}", "columns[1].codes: expected the words of a code"),
        ("{name: msisdn, type: phone}", "{name: msisdn, type: id, min: 1}", "columns[1]: expected min and max at int"),
        (
            "{name: city_code, type: id}",
            "{name: city_code, type: id, length: 0}",
            "columns[3].length: value 0: expected",
        ),
        ("codes: [OUT, IN]", "codes: [OUT, 'I|N']", "feeds.optout.columns[4].codes: expected printable words"),
        ("max: 2100", "max: 1000", "feeds.subscriber.columns[13].min: value 1880: expected no more than max, 1000"),
        ("{feed}_{date}_{seq}", "{feed}_{seq}", "feeds.subscriber.file_pattern: value '{feed}_{seq}': expected"),
        (
            "{interface}_{campaign}",
            "{feed}",
            "interfaces.eligibility.file_pattern: value '{feed}_{date}_{seq}': expected",
        ),
        (
            ", sha256, control",
            ", control",
            "check_file.fields: expected each once: bytes, control_total, file, rows, sha256",
        ),
        ('"10": REFUSED', '"10": LOST', "answer_codes.10: value 'LOST': expected 'ACCEPTED', 'REFUSED' or 'RETRY'"),
        ("  hall:", "  delivery:", "feeds.delivery: expected another name"),
        (
            "{name: reverses_id, type: id}",
            "{name: reverses_id, type: id, secret: true}",
            "feeds.recharge.columns[5].secret: value True: expected to stand at a required id of an events feed alone",
        ),
        (
            "{name: hall_code, type: id, required: true}",
            "{name: hall_code, type: id, required: true, secret: true}",
            "feeds.hall.columns[0].secret: value True: expected to stand at a required id of an events feed alone",
        ),
        (
            "{name: product_code, type: id, required: true}",
            "{name: product_code, type: id, required: true, secret: true}",
            "interfaces.data_grant.columns[3].secret: value True: expected to stand at",
        ),
        (
            'id_characters: "_.:-"',
            'id_characters: "_{"',
            "files.id_characters: value '_{': expected printable ASCII but",
        ),
        (
            'id_characters: "_.:-"',
            'id_characters: "_|"',
            "files.id_characters: value '_|': expected printable ASCII but",
        ),
        (
            'id_characters: "_.:-"',
            'id_characters: "_ "',
            "files.id_characters: value '_ ': expected printable ASCII but",
        ),
        ("nulls: []", "nulls: ['0']", "files.nulls[0]: value '0': expected no number"),
        ("numbers: [1xxxxxxxxxx]", "numbers: ['.*']", "files.phone.numbers[0]: value '.*': expected"),
        ('"0086", "86"', '"0086", "x"', "files.phone.prefixes[2]: value 'x': expected"),
        (
            "min: 1, max: face_amount}",
            "min: 1, max: subscriber_id}",
            "feeds.recharge.columns[7].limits[0].max: value 'subscriber_id': expected a number, or another column",
        ),
        (
            "limits: [{where: {kind: RECHARGE}, min",
            "limits: [{where: {kind: GIFT}, min",
            "feeds.recharge.columns[7].limits[0].where.kind: value 'GIFT': expected a code column of this feed",
        ),
        (
            "{action: IN}, max: file_date}",
            "{action: IN}, min: 5}",
            "feeds.optout.columns[3].limits[0]: expected max: file_date, and nothing else",
        ),
        (
            "max: 1000000000000}",
            "max: 9000000000000000}",
            "feeds.social.columns[3]: expected min and max within 1000000000000: sums must be bearable",
        ),
        (
            "order: effective_at",
            "order: requested_at",
            "interfaces.family_link.order: value 'requested_at': expected a column of this file",
        ),
        (
            "{name: platform, type: code, codes: [TENCENT, IQIYI, YOUKU], required: true}",
            "{name: code_length, type: id}",
            "feeds.card_stock.columns[1].name: value 'code_length': expected another name",
        ),
    ],
)
def test_a_wrong_profile_is_refused_with_file_line_field_value_and_what_was_expected(
    tmp_path: Path, was: str, becomes: str, said: str
) -> None:
    text = PROFILE.read_text(encoding="utf-8")
    assert was in text
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    line = text[: text.index(was)].count("\n") + 1
    with pytest.raises(ConfigError) as error:
        load_carrier(wrong)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{wrong}:{line}: ") or "file_pattern" in said or "codes" in said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = PROFILE.read_text(encoding="utf-8").replace("kind: snapshot", "kind: x").replace("kind: events", "kind: y")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_carrier(wrong)
    assert len(str(error.value).splitlines()) == len(load_carrier(PROFILE).feeds)


def test_a_profile_of_before_the_wall_gets_it_whole(tmp_path: Path) -> None:
    """What it leaves unsaid is said for it: phone numbers, budget lines, plausible payments, no event of the future."""
    text = PROFILE.read_text(encoding="utf-8")
    before = re.sub(r"\n  (id_characters|nulls|phone):.*(\n    .*|\n  +# .*)*", "", text)
    before = before.replace("type: phone", "type: id")
    before = re.sub(r"type: code, codes: \[B1[^]]*\]", "type: id", before)
    before = re.sub(r",\s+limits: (\[\]|\[\{.*\}\])", "", before)
    before = before.replace(
        "min: -1000000, max: 1000000, required: true}\n      - {name: unit", "required: true}\n      - {name: unit"
    )
    assert not re.search("limits: .|phone|nulls|file_date[^}]|B5", before.partition("\nfeeds:")[2])
    old = tmp_path / "old.yml"
    old.write_text(before, encoding="utf-8")
    now, was = load_carrier(PROFILE), load_carrier(old)
    assert was.feeds == now.feeds
    assert was.files.id_characters == now.files.id_characters
    assert (was.files.nulls, was.files.phone.numbers) == (now.files.nulls, now.files.phone.numbers)


def test_settings_name_every_variable_that_is_missing() -> None:
    given = {
        "LAOYOUHUI_EXCHANGE": "/exchange",
        "LAOYOUHUI_CAMPAIGN": "/c.yml:/d.yml",
        "LAOYOUHUI_WORK": "/work",
        "WAREHOUSE_DSN": "dsn",
    }
    settings = Settings.from_env(given)
    assert (settings.exchange, settings.campaign_files[0], settings.warehouse_dsn) == (
        "/exchange",
        Path("/c.yml"),
        "dsn",
    )
    assert (settings.home / "carriers" / "china_unicom.yml").is_file()
    with pytest.raises(ConfigError) as error:
        Settings.from_env(given | {"LAOYOUHUI_WORK": "", "WAREHOUSE_DSN": ""})
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["LAOYOUHUI_WORK", "WAREHOUSE_DSN"]
