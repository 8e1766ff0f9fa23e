"""Carrier profiles: what the shipped one declares, and what is said of a wrong one."""

# ruff: noqa: E501 (the table of refusals reads one to a line)
from __future__ import annotations

import re
from pathlib import Path

import pytest

from laoyouhui.config.carrier import RELATION_OF_OURS, load_carrier
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
        # names under which two things would be one, or a thing of PostgreSQL's
        (
            "  suffix: .chk",
            "  suffix: .txt",
            "check_file.suffix: value '.txt': expected another ending than that of data",
        ),
        ("  suffix: .txt ", "  suffix: .gz ", "files.suffix: value '.gz': expected the ending of a plain file"),
        (
            "{name: msisdn, type: phone}",
            "{name: xmin, type: id}",
            "columns[1].name: value 'xmin': expected a name of its own",
        ),
        (
            "{name: msisdn, type: phone}",
            "{name: ctid, type: id}",
            "columns[1].name: value 'ctid': expected a name of its own",
        ),
        (
            "  hall:",
            "  manual_override:",
            "feeds.manual_override: expected another name: the warehouse's schema raw has a table of its own",
        ),
        ("  hall:", "  campaign_file:", "feeds.campaign_file: expected another name"),
        ("  hall:", "  run_pkey:", "feeds.run_pkey: expected another name"),
        (
            '  credit:\n    file_pattern: "{interface}_{campaign}',
            '  credit:\n    file_pattern: "data_grant_{campaign}',
            "interfaces.credit.file_pattern: value 'data_grant_{campaign}_{date}_{seq}': expected other names than those of data_grant",
        ),
        (
            '  credit:\n    file_pattern: "{interface}_{campaign}_{date}_{seq}"',
            '  credit:\n    file_pattern: "_{interface}_{campaign}_{date}_{seq}"',
            "interfaces.credit.file_pattern: value '_{interface}_{campaign}_{date}_{seq}': expected to begin with a letter",
        ),
        (
            '  credit:\n    file_pattern: "{interface}_{campaign}_{date}_{seq}"',
            '  credit:\n    file_pattern: "{interface}_{campaign}{seq}_{date}"',
            "interfaces.credit.file_pattern: value '{interface}_{campaign}{seq}_{date}': expected _ or - between",
        ),
        (
            '"{feed}_{date}_{seq}"',
            f'"{"x" * 200}_{{date}}_{{seq}}"',
            "file_pattern: value '" + "x" * 200 + "_{date}_{seq}': expected at most 100",
        ),
        # more than a table, an index, a number or a file of the carrier's bears
        (
            "{name: msisdn, type: phone}",
            ", ".join(f"{{name: c{number}, type: id}}" for number in range(200)).replace(", {name", "\n      - {name"),
            "feeds.subscriber.columns: expected at most 200 items",
        ),
        (
            "max_rows: 100000",
            "max_rows: 10000000000",
            "max_rows: value 10000000000: expected less than or equal to 1000000000",
        ),
        (
            "{name: recharge_id, type: id,",
            "{name: recharge_id, type: id, length: 201,",
            "columns[0].length: value 201: expected at most 200 of an id",
        ),
        (
            "{name: topic, type: text,",
            "{name: topic, type: text, length: 201,",
            "feeds.social.key[2]: value 'topic': expected a column of at most 200 characters",
        ),
        # what nothing can meet
        (
            "{where: {kind: RECHARGE}, min: 1, max: face_amount}",
            "{where: {kind: RECHARGE}, min: 10, max: 5}",
            "feeds.recharge.columns[7].limits[0]: expected min no more than max",
        ),
        (
            "{where: {kind: RECHARGE}, min: 1, max: face_amount}",
            "{where: {kind: RECHARGE}, min: 10000001}",
            "feeds.recharge.columns[7].limits[0]: expected min no more than max, and within those of the column",
        ),
        # what cannot be spelled, in or out
        (
            "codes: [OUT, IN]",
            'codes: {OUT: OUT, "\\ud800": IN}',
            "feeds.optout.columns[4].codes: expected printable words of gb18030",
        ),
        ('"90": RETRY', '"9 0": RETRY', "answer_codes.9 0: value 'RETRY': expected"),
        ('"90": RETRY', '"": RETRY', "answer_codes.: value 'RETRY': expected"),
        ('"90": RETRY', '"9|0": RETRY', "answer_codes.9|0: value 'RETRY': expected"),
        ('"90": RETRY', '"\\0": RETRY', "answer_codes.\\u0000: value 'RETRY': expected"),
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
    assert str(error.value).startswith(f"{wrong}:{line}: ") or any(
        place in said for place in ("file_pattern", "codes", "key[", "columns: ")
    )


def test_what_is_paid_may_be_in_another_unit_than_the_face_amount(tmp_path: Path) -> None:
    """A profile that leaves the limit of a payment unsaid has it said for it, whatever the units."""
    text = PROFILE.read_text("utf-8").replace("limits: [{where: {kind: RECHARGE}, min: 1, max: face_amount}],", "")
    file = tmp_path / "carrier.yml"
    file.write_text(text.replace("{name: face_amount, type: fen,", "{name: face_amount, type: yuan,"), "utf-8")
    (limit,) = load_carrier(file).feeds["recharge"].columns[7].limits or ()
    assert (limit.min, limit.max) == (1, "face_amount")


def test_codes_are_words_of_the_encoding(tmp_path: Path) -> None:
    text = PROFILE.read_text("utf-8").replace("codes: [OUT, IN]", "codes: {🎁: OUT, IN: IN}")
    file = tmp_path / "carrier.yml"
    file.write_text(text, "utf-8")
    assert load_carrier(file)  # GB18030 spells them all
    file.write_text(text.replace("encoding: gb18030", "encoding: gbk"), "utf-8")
    with pytest.raises(
        ConfigError, match=r"feeds\.optout\.columns\[4\]\.codes: expected printable words of gbk without"
    ):
        load_carrier(file)


def test_a_feed_is_never_called_as_what_the_warehouse_has_in_its_schema() -> None:
    """Whatever `schema.sql` makes in the schema raw, also its indexes: a feed's table stands beside it."""
    folder = Path(__file__).parents[3] / "plugins" / "laoyouhui" / "warehouse"
    made = "".join(file.read_text("utf-8") for file in sorted(folder.glob("*.sql")))
    names = {
        *re.findall(r"create (?:table|view) (?:if not exists )?raw\.([a-z_]+)", made),
        *re.findall(r"create (?:unique )?index if not exists ([a-z_]+) on raw\.", made),
    }
    assert {"delivery", "campaign_file", "alert_open"} <= names
    assert [name for name in sorted(names) if not RELATION_OF_OURS.fullmatch(name)] == []


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
