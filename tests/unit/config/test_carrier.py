"""Carrier profiles: what the shipped one declares, and what is said of a wrong one."""

from __future__ import annotations

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
        ("{name: msisdn, type: id}", "{name: msisdn}", "feeds.subscriber.columns[1].type: expected to be given"),
        ("{name: msisdn, type: id}", "{name: msisdn, typ: id}", "columns[1].typ: value 'id': expected no field"),
        ("{name: msisdn, type: id}", "{name: status, type: id}", "columns[1].name: value 'status': expected a name"),
        ("{name: msisdn, type: id}", "{name: line_no, type: id}", "columns[1].name: value 'line_no': expected a name"),
        ("{name: msisdn, type: id}", "{name: msisdn, type: code}", "columns[1].codes: expected the words of a code"),
        ("{name: msisdn, type: id}", "{name: msisdn, type: id, min: 1}", "columns[1]: expected min and max at int"),
        ("{name: msisdn, type: id}", "{name: msisdn, type: id, length: 0}", "columns[1].length: value 0: expected"),
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
