"""The release gate on a real PostgreSQL: relations made by hand, in the form that dbt makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import yaml
from tests.integration.conftest import new_database

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline import limits
from laoyouhui.pipeline.release import ROW_BY_ROW, ReleaseRefused, load_suites, release, validate
from laoyouhui.warehouse.attempts import NotBegunError
from laoyouhui.warehouse.connection import GATE, connect
from laoyouhui.warehouse.prepare import prepare
from laoyouhui.warehouse.roles import hand_over
from laoyouhui_local.server import EmbeddedPostgres

HOME = Path(__file__).parents[2]
CAMPAIGN = HOME / "campaigns" / "lyh2026.yml"
D = date(2026, 1, 31)
FIRST, SECOND, THIRD, FOURTH = (digit * 32 for digit in "abcd")

MODELS = HOME / "dbt_project" / "models"
RELEASED = {"exports": "exports", "marts": "marts_candidate", "ledger": "ledger", "intermediate": "intermediate"}


def relations() -> Iterator[str]:
    """Empty tables in the form of the models' contracts: every mart, every export, and what the suites compare with."""
    yield "create schema marts"
    yield "create table marts.budget_by_line_month as select 'the last release' as note"
    for folder, schema in RELEASED.items():
        yield f"create schema {schema}"
        for file in sorted((MODELS / folder).rglob("*.yml")):
            for model in yaml.safe_load(file.read_text("utf-8"))["models"]:
                if all("data_type" in column for column in model["columns"]):
                    columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
                    yield f"create table {schema}.{model['name']} ({columns})"


# A subscriber who joins, a gift, a message, and a bonus of 24.00 yuan of which this attempt pays one of six
# instalments.
ROWS = f"""
insert into raw.run (business_date, attempts_released) values ('2026-01-30', 1), ('2026-01-31', 0);
insert into raw.current_run (business_date, attempt_no, is_retry, state) values ('2026-01-31', 1, false, 'DECIDED');
insert into raw.delivery
    (feed, file_name, business_date, seq, rows_received, rows_loaded, rows_quarantined, state, received_on)
values
    ('subscriber', 'subscriber_20260130_0001.txt', '2026-01-30', 1, 1000, 1000, 0, 'LOADED', '2026-01-30'),
    ('subscriber', 'subscriber_20260131_0001.txt', '2026-01-31', 1, 1001, 1000, 1, 'LOADED', '2026-01-31');
insert into raw.quarantined_row (delivery_no, line_no, reason, field, expected, raw_text)
select delivery_no, 7, 'FIELDS', null, '16 fields', 'a broken line'
from raw.delivery where business_date = '2026-01-31';

insert into exports.export_eligibility values
    ('lyh2026', '{FIRST}', 's1', null, null, null, null, null, null,
     's1', '13800000001', 'ADD', '2026-02-01', 'ELIGIBLE');
insert into exports.export_data_grant values
    ('lyh2026', '{SECOND}', '{SECOND}', 'DATA_GIFT', 'B1', 250, 0, null, null,
     '{SECOND}', 's1', '13800000001', 'LYHMLD5G', 5120, '2026-02-01', '2026-02-28');
insert into exports.export_credit values
    ('lyh2026', '{THIRD}', '{THIRD}', 'RECHARGE_BONUS', 'B2', 400, 400, null, null,
     '{THIRD}', 's1', '13800000001', 400, 'INSTALMENT', 1, 6, 'r1');
insert into intermediate.int_recharge__events
    (recharge_id, subscriber_id, recharged_at, recharged_on, kind, face_fen, paid_fen, business_date, attempt_no)
values ('r1', 's1', '2025-12-30 10:00', '2025-12-30', 'RECHARGE', 20000, 18800, '2025-12-30', 1);
insert into exports.export_sms values
    ('lyh2026', '{FOURTH}', '{FOURTH}', 'SMS', 'B5.1', 4, 0, null, null,
     '{FOURTH}', 's1', '13800000001', 'GIFT_ARRIVED', '2026-02-01 08:00', '2026-02-03 20:00', 1,
     '【中国联通】感谢您的长期陪伴！');

insert into ledger.ledger_entries
    (campaign_id, benefit, entry_type, grant_key, subscriber_id, booked_on, amount_fen, megabytes, budget_line,
     committed_fen, actual_fen, liability_fen)
values
    ('lyh2026', 'DATA_GIFT', 'promised', '{SECOND}', 's1', '2026-01-31', 250, 5120, 'B1', 250, 0, 0),
    ('lyh2026', 'RECHARGE_BONUS', 'promised', '{THIRD}', 's1', '2026-01-30', 400, null, 'B2', 400, 0, 400),
    ('lyh2026', 'RECHARGE_BONUS', 'promised', '{"e" * 32}', 's1', '2026-01-30', 800, null, 'B2', 800, 0, 800);
insert into marts_candidate.budget_by_line_month values
    ('lyh2026', 'B1', '2026-01-01', 500, 250, 0, 250),
    ('lyh2026', 'B2', '2026-01-01', 0, 1200, 0, -1200),
    ('lyh2026', 'B2', '2026-04-01', 900, 0, 0, 900);
insert into marts_candidate.liability_by_month values ('lyh2026', '2026-01-01', 0, 1200, 0, 0, 0, 0, 0, 1200);
insert into marts_candidate.participation_by_day values
    ('lyh2026', '2026-02-01', 'DATA_GIFT', '010', '5-7', 1, 1, 250, 5120);
insert into marts_candidate.eligibility_by_city_reason values ('lyh2026', '2026-02-01', '010', 'ELIGIBLE', 1);
insert into marts_candidate.intake_by_file
select feed, file_name, business_date, received_on, state, reason, rows_received, rows_loaded, rows_quarantined
from raw.delivery;
"""


@pytest.fixture(scope="module")
def decided(postgres: EmbeddedPostgres) -> str:
    """The name of a database in which 2026-01-31 was decided and everything is right, to be copied."""
    campaign = load_campaign(CAMPAIGN)
    with connect(postgres.create_database("decided")) as conn:
        prepare(conn, load_carrier(campaign.carrier_file), campaign)
        conn.execute(";\n".join(relations()))
        conn.execute(ROWS)
        hand_over(conn)  # as dbt, which makes them, is the owner's
    return "decided"


@pytest.fixture
def settings(postgres: EmbeddedPostgres, decided: str, tmp_path: Path) -> Iterator[Settings]:
    """A warehouse in which 2026-01-31 was decided and everything is right."""
    with new_database(postgres, decided) as dsn:
        yield Settings(
            home=HOME,
            exchange=str(tmp_path / "exchange"),
            campaign_files=(CAMPAIGN,),
            work=tmp_path / "work",
            warehouse_dsn=dsn,
        )


def run(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with connect(settings.warehouse_dsn) as conn:
        cursor = conn.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_a_correction_that_is_whole_passes_though_what_it_corrects_was_too_long(settings: Settings) -> None:
    with connect(settings.warehouse_dsn) as conn:
        for day, seq, rows, on in (("29", 1, 1000, "30"), ("30", 2, 2000, "30"), ("30", 3, 1000, "31")):
            conn.execute(
                f"{SUBSCRIBERS} ('subscriber', 'x', '2026-01-{day}', {seq}, {rows}, {rows}, 0, 'LOADED', "
                f"'2026-01-{on}')"
            )
        conn.execute(IN_THE_MART.removeprefix(";"))
    assert release(settings, D).released


def marts_note(settings: Settings) -> object:
    return run(settings, "select note from marts.budget_by_line_month")[0][0]


def test_good_data_fills_the_outbox_and_shows_the_marts(settings: Settings) -> None:
    report = release(settings, D)

    assert report.released
    assert report.checks > 50
    assert run(settings, "select file_stem from outbox.file order by file_stem") == [
        ("credit_lyh2026_20260131_0001",),
        ("data_grant_lyh2026_20260131_0001",),
        ("eligibility_lyh2026_20260131_0001",),
        ("sms_lyh2026_20260131_0001",),
    ]
    assert run(settings, "select sum(committed_fen) from marts.budget_by_line_month") == [(1450,)]
    assert run(
        settings, "select attempts_released, released_at is not null from raw.run where business_date = '2026-01-31'"
    ) == [(1, True)]
    assert run(settings, "select count(*), bool_and(success) from raw.release_check") == [(report.checks, True)]


def test_the_gate_leaves_no_session_behind(settings: Settings) -> None:
    """The process goes on to deliver: an idle session would hold a connection, and a database that is to be dropped."""
    release(settings, date(2026, 1, 31))
    assert run(settings, f"select count(*) from pg_stat_activity where application_name = '{GATE}'") == [(0,)]


def test_a_release_repeated_changes_nothing(settings: Settings) -> None:
    release(settings, D)
    before = run(settings, "select * from outbox.item order by file_stem, line_no")

    assert not release(settings, D).released
    assert run(settings, "select * from outbox.item order by file_stem, line_no") == before


def test_a_second_attempt_that_adds_nothing_is_harmless(settings: Settings) -> None:
    release(settings, D)
    before = run(settings, "select * from outbox.item order by file_stem, line_no")
    run(
        settings,
        """
        update raw.current_run set attempt_no = 2;
        truncate exports.export_eligibility, exports.export_data_grant, exports.export_credit, exports.export_sms;
        """,
    )

    assert release(settings, D).released
    assert run(settings, "select * from outbox.item order by file_stem, line_no") == before
    assert run(settings, "select attempts_released from raw.run where business_date = '2026-01-31'") == [(2,)]


def test_a_further_attempt_in_which_nothing_came_needs_no_release(settings: Settings) -> None:
    run(settings, "update raw.current_run set state = 'EMPTY'")

    assert not release(settings, D).released
    assert run(settings, "select count(*) from outbox.file") == [(0,)]


@pytest.mark.parametrize("state", ["TAKEN_IN", "DECIDING"])
def test_what_dbt_has_not_decided_to_its_end_is_not_released(settings: Settings, state: str) -> None:
    """The exports may still be those of the date before: sent again, they would be paid twice but for the key."""
    run(settings, f"update raw.current_run set state = '{state}'")

    with pytest.raises(RuntimeError, match="2026-01-31: dbt has not decided attempt 1 to its end: run decide first"):
        release(settings, D)
    assert run(settings, "select count(*) from outbox.file") == [(0,)]
    assert marts_note(settings) == "the last release"


def test_a_date_that_was_never_begun_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(NotBegunError, match="2026-02-01 was not ingested: run the step ingest for it first"):
        release(settings, date(2026, 2, 1))


def test_an_older_date_is_left_alone(settings: Settings) -> None:
    run(settings, "insert into raw.run (business_date, attempts_released) values ('2026-02-01', 1)")

    assert not release(settings, D).released
    assert run(settings, "select count(*) from outbox.file") == [(0,)]
    assert marts_note(settings) == "the last release"


SENT = f"""
insert into outbox.file (file_stem, campaign_id, interface, business_date, seq, rows)
values ('credit_lyh2026_20260130_0001', 'lyh2026', 'credit', '2026-01-30', 1, 1);
insert into outbox.item
    (file_stem, line_no, campaign_id, interface, item_key, answer_key, subscriber_id, amount_fen, business_date, line)
values ('credit_lyh2026_20260130_0001', 1, 'lyh2026', 'credit', '{THIRD}', '{THIRD}', 's1', 600, '2026-01-30', '');
insert into marts_candidate.outbox_by_file (file_stem, rows) values ('credit_lyh2026_20260130_0001', 1);
insert into marts_candidate.unanswered_by_age (interface, sent_on, age_days, rows)
values ('credit', '2026-01-30', 1, 1);
"""


IN_THE_MART = (  # what marts.intake_by_file must say of it
    "; truncate marts_candidate.intake_by_file; insert into marts_candidate.intake_by_file select feed, file_name, "
    "business_date, received_on, state, reason, rows_received, rows_loaded, rows_quarantined from raw.delivery"
)
SUBSCRIBERS = (
    "insert into raw.delivery (feed, file_name, business_date, seq, rows_received, rows_loaded, rows_quarantined, "
    "state, received_on) values "
)


@pytest.mark.parametrize(
    ("breaks", "suite", "named"),
    [
        pytest.param(
            "update exports.export_sms set text = '【中国联通】感谢|陪伴'",
            "export_sms",
            ["can be written in a file", FOURTH, "感谢|陪伴"],
            id="a bar in a text",
        ),
        pytest.param(
            "update exports.export_sms set text = E'【中国联通】感谢\\n陪伴'",
            "export_sms",
            ["can be written in a file", "感谢\\n陪伴"],
            id="a line's end in a text",
        ),
        pytest.param(
            "update exports.export_sms set text = '【中国联通】' || repeat('谢', 65)",
            "export_sms",
            ["the segments paid for", FOURTH, "units=71"],
            id="71 units in one segment",
        ),
        pytest.param(
            "update exports.export_sms set msisdn = null",
            "export_sms",
            ["every row has a phone number", FOURTH, "msisdn=None"],
            id="no phone number",
        ),
        pytest.param(
            "update exports.export_eligibility set action = 'JOIN'",
            "export_eligibility",
            ["the action is ADD or REMOVE", "action=JOIN"],
            id="unknown code",
        ),
        pytest.param(
            "update exports.export_credit set amount = 401",
            "export_credit",
            ["what the ledger promised", THIRD, "amount=401", "promised_fen=400"],
            id="an amount that the ledger does not hold",
        ),
        pytest.param(
            SENT,
            "export_credit",
            ["no key was sent before", "credit_lyh2026_20260130_0001"],
            id="sent before and unanswered",
        ),
        pytest.param(
            f"{SENT}; delete from exports.export_credit; delete from marts_candidate.unanswered_by_age",
            "unanswered_by_age",
            ["is counted once", "rows=1", "rows_in_mart=None"],
            id="an unanswered row forgotten",
        ),
        pytest.param(
            """update raw.delivery set rows_received = 500, rows_loaded = 499 where business_date = '2026-01-31';
               update marts_candidate.intake_by_file set rows_loaded = 499 where business_date = '2026-01-31'""",
            "intake",
            ["has not fallen by more than 20 %", "subscriber_20260131_0001.txt", "previous_rows=1000"],
            id="half a snapshot",
        ),
        pytest.param(
            SUBSCRIBERS + "('subscriber', 'subscriber_20260130_0002.txt', '2026-01-30', 2, 10, 10, 0, 'LOADED', "
            "'2026-01-31')" + IN_THE_MART,
            "intake",
            ["has not fallen by more than 20 %", "subscriber_20260130_0002.txt", "previous_rows=1000"],
            id="a correction of an older date that was cut short, with no date before it",
        ),
        pytest.param(
            SUBSCRIBERS + "('subscriber', 'subscriber_20260129_0001.txt', '2026-01-29', 1, 1000, 1000, 0, 'LOADED', "
            "'2026-01-30'), ('subscriber', 'subscriber_20260130_0002.txt', '2026-01-30', 2, 10, 10, 0, 'LOADED', "
            "'2026-01-31')" + IN_THE_MART,
            "intake",
            ["has not fallen by more than 20 %", "subscriber_20260130_0002.txt", "subscriber_20260129_0001.txt"],
            id="a correction of an older date that was cut short",
        ),
        pytest.param(
            "alter table raw.delivery disable trigger user; delete from raw.quarantined_row; delete from raw.delivery; "
            "alter table raw.delivery enable trigger user; delete from marts_candidate.intake_by_file; "
            "insert into raw.delivery (feed, file_name, business_date, seq, rows_received, rows_loaded, "
            "rows_quarantined, state, reason, received_on) values ('subscriber', 'subscriber_20260131_0001.txt', "
            "'2026-01-31', 1, 0, 0, 0, 'SET_ASIDE', 'EMPTY', '2026-01-31')" + IN_THE_MART,
            "intake",
            ["a subscriber snapshot counts", "subscriber_20260131_0001.txt", "reason=EMPTY"],
            id="a first snapshot without rows",
        ),
        pytest.param(
            "delete from raw.quarantined_row",
            "intake",
            ["is kept with its text", "rows_kept=0"],
            id="a row quarantined and not kept",
        ),
        pytest.param(
            "update marts_candidate.budget_by_line_month set committed_fen = 1199 where committed_fen = 1200",
            "budget_by_line_month",
            ["the ledger's, to the fen", "committed_fen=1200", "committed_in_mart=1199"],
            id="a fen lost in a mart",
        ),
        pytest.param(
            "truncate marts_candidate.liability_by_month",
            "liability_by_month",
            ["what the ledger still owes", "liability_fen=1200"],
            id="an empty mart",
        ),
        pytest.param(
            "update marts_candidate.participation_by_day set day = '2026-03-01'",
            "participation_by_day",
            ["no gift is for a month still to come", "day=2026-03-01"],
            id="a month to come",
        ),
        pytest.param(
            "create table exports.export_unguarded (item_key text)",
            "(none)",
            ["exports.export_unguarded", "has a suite"],
            id="a relation without a suite",
        ),
        pytest.param(
            "alter table exports.export_sms drop column segments",
            "export_sms",
            ["the check could not be made", '"segments" does not exist'],
            id="a check that cannot be made",
        ),
    ],
)
def test_broken_data_stops_everything(settings: Settings, breaks: str, suite: str, named: list[str]) -> None:
    run(settings, breaks)
    outbox = run(settings, "select file_stem, line_no from outbox.item")

    with pytest.raises(ReleaseRefused) as refused:
        release(settings, D)

    message = str(refused.value)
    assert f"suite {suite}," in message
    for part in named:
        assert part in message
    assert "what to do: " in message
    assert {check.suite for check in refused.value.failed} == {suite}
    assert run(settings, "select file_stem, line_no from outbox.item") == outbox
    assert marts_note(settings) == "the last release"
    assert run(settings, "select attempts_released from raw.run where business_date = '2026-01-31'") == [(0,)]
    assert run(settings, "select distinct suite from raw.release_check where not success") == [(suite,)]


LEDGER = f"update ledger.ledger_entries set amount_fen = %s where grant_key = '{THIRD}'"
MAKE_GOOD = (
    "update exports.export_credit set kind = 'MAKE_GOOD', benefit = 'MAKE_GOOD', instalment_no = null, "
    "instalments = null, amount = %s"
)
GIFT_OF = f"update ledger.ledger_entries set megabytes = %s where grant_key = '{SECOND}'"
ORDER = f"""
insert into intermediate.int_device_order__events (order_id, subscriber_id, event, event_on, sku, list_price_fen,
    paid_price_fen)
values ('o1', 's1', 'PAID', '2026-01-30', 'K1', 299900, 269910);
insert into exports.export_device_decision
    (campaign_id, item_key, answer_key, grant_key, order_id, subscriber_id, decision, entitled_price, paid_price)
values ('lyh2026', '{"f" * 32}', '{"f" * 32}', '{"f" * 32}', 'o1', 's1', 'GRANTED', 269910, 269910);
insert into ledger.ledger_entries (grant_key, benefit, entry_type) values ('{"f" * 32}', 'DEVICE', 'granted');
"""
CREDIT = "update exports.export_credit set "
GIFT = "update exports.export_data_grant set "
EVENT = "update intermediate.int_recharge__events set "
PROMISED = "each credit is what the terms of its day promise"


@pytest.mark.parametrize(
    ("forged", "suite", "named"),
    [
        pytest.param(
            CREDIT + "amount = 50000000; " + LEDGER % 50000000,
            "export_credit",
            [PROMISED, "amount=50000000", "source_recharge_id=r1"],
            id="a bonus that no tier has, in the ledger and in the file",
        ),
        pytest.param(
            CREDIT + "instalment_no = 2",
            "export_credit",
            [PROMISED],
            id="not due before 5 February",
        ),
        pytest.param(
            CREDIT + "instalment_no = 7, instalments = 7",
            "export_credit",
            [PROMISED],
            id="one instalment more",
        ),
        pytest.param(
            CREDIT + "subscriber_id = 's2'",
            "export_credit",
            [PROMISED],
            id="of another subscriber's recharge",
        ),
        pytest.param(
            CREDIT + "source_recharge_id = 'r2'",
            "export_credit",
            [PROMISED],
            id="of no recharge",
        ),
        pytest.param(
            EVENT + "face_fen = 15000",
            "export_credit",
            [PROMISED],
            id="of a face that no tier has",
        ),
        pytest.param(
            MAKE_GOOD % 1 + "; " + LEDGER % 1,
            "export_credit",
            [PROMISED],
            id="a make-good where the discount was given",
        ),
        pytest.param(
            MAKE_GOOD % 1700 + "; " + LEDGER % 1700 + "; " + EVENT + "paid_fen = 20500",
            "export_credit",
            [PROMISED, "amount=1700"],
            id="a make-good above the discount",
        ),
        pytest.param(
            CREDIT + "kind = 'CLAWBACK', benefit = 'CLAWBACK'",
            "export_credit",
            ["no more is taken back than was credited", THIRD],
            id="a clawback of what was never credited",
        ),
        pytest.param(
            CREDIT + "kind = 'CLAWBACK'",
            "export_credit",
            ["the kind of a credit", PROMISED],
            id="another kind",
        ),
        pytest.param(
            GIFT + "megabytes = 51200; " + GIFT_OF % 51200,
            "export_data_grant",
            ["what the terms of its first day give", "megabytes=51200"],
            id="a gift of another volume, in the ledger and in the file",
        ),
        pytest.param(
            GIFT + "valid_to = '2027-02-28'",
            "export_data_grant",
            ["valid_to=2027-02-28"],
            id="a gift for a year",
        ),
        pytest.param(
            GIFT + "valid_from = '2026-03-01', valid_to = '2026-03-31'",
            "export_data_grant",
            ["valid_from=2026-03-01"],
            id="a gift of a month to come",
        ),
        pytest.param(
            ORDER + "; update exports.export_device_decision set entitled_price = 100",
            "export_device_decision",
            ["the share of the list price that its band says", "entitled_price=100"],
            id="a device for 1 yuan",
        ),
    ],
)
def test_money_that_the_terms_do_not_promise_is_not_released(
    settings: Settings, forged: str, suite: str, named: list[str]
) -> None:
    run(settings, forged)

    with pytest.raises(ReleaseRefused) as refused:
        release(settings, D)

    assert suite in {check.suite for check in refused.value.failed}
    for part in named:
        assert part in str(refused.value)
    assert run(settings, "select count(*) from outbox.item") == [(0,)]


@pytest.mark.parametrize(
    "right",
    [
        MAKE_GOOD % 1200 + "; " + LEDGER % 1200 + "; " + EVENT + "paid_fen = 20000",
        MAKE_GOOD % 1 + "; " + LEDGER % 1 + "; " + EVENT + "paid_fen = 18801",
        ORDER,
    ],
)
def test_money_that_the_terms_promise_is_released(settings: Settings, right: str) -> None:
    run(settings, right)
    assert release(settings, D).released


FIFTH = "e" * 32
LIMITS = """update raw.campaign_terms set terms = terms || '{"release": {"max_%s_fen": %s}}'"""


@pytest.mark.parametrize("limit", ["row", "file", "day"])
def test_what_pays_more_than_a_limit_waits_for_two_people(
    settings: Settings, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 fen against 399: refused; another sum than the one confirmed is refused as well."""
    run(settings, LIMITS % (limit, 399))
    with pytest.raises(ReleaseRefused, match=f"max_{limit}_fen is 399; .*release-above-limit 2026-01-31 400"):
        release(settings, D)
    assert run(settings, "select count(*) from outbox.item") == [(0,)]
    confirmed: list[SimpleNamespace] = []
    monkeypatch.setattr(limits, "confirmed_overrides", lambda *_: confirmed)
    for fields in (
        {"business_date": "2026-01-31", "amount_fen": 401},
        {"business_date": "2026-01-30", "amount_fen": 400},
    ):
        confirmed[:] = [SimpleNamespace(request=SimpleNamespace(fields=fields))]
        with pytest.raises(ReleaseRefused):
            release(settings, D)
    confirmed[:] = [SimpleNamespace(request=SimpleNamespace(fields={"business_date": "2026-01-31", "amount_fen": 400}))]
    assert release(settings, D).released


@pytest.mark.parametrize("limit", ["row", "file", "day"])
def test_what_pays_as_much_as_a_limit_is_released(settings: Settings, limit: str) -> None:
    run(settings, LIMITS % (limit, 400))
    assert release(settings, D).released


# what the models and the suites read, changed by hand once the date was begun
BY_HAND = {
    "raw.campaign_terms": "update raw.campaign_terms set terms = "
    "jsonb_set(terms, '{recharge,tiers,1,bonus_fen}', '50000000')",
    "raw.campaign": "update raw.campaign set ends_on = '2029-01-01'",
    "raw.campaign_budget": "delete from raw.campaign_budget where budget_line = 'B2'",
    "raw.feed_column": "update raw.feed_column set unit = 'yuan' where column_name = 'face_amount'",
    "raw.answer_code": "update raw.answer_code set outcome = 'ACCEPTED' where code = '30'",
    "raw.feed": "update raw.feed set is_daily = false",
}


@pytest.mark.parametrize("table", BY_HAND)
def test_what_is_declared_cannot_be_changed_in_the_database(settings: Settings, table: str) -> None:
    """The gate counts each credit by these tables: so they are held against the files (A6, by another road)."""
    run(settings, BY_HAND[table])
    with pytest.raises(ReleaseRefused, match=f"otherwise than declared: {table}\n.*what to do: Somebody changed"):
        release(settings, D)
    assert run(settings, "select count(*) from outbox.item") == [(0,)]
    campaign = load_campaign(settings.campaign_files[0])
    with connect(settings.warehouse_dsn) as conn:  # as the date is begun again
        prepare(conn, load_carrier(campaign.carrier_file), campaign)
    assert release(settings, D).released


def test_terms_that_nobody_declared_are_refused(settings: Settings) -> None:
    run(
        settings,
        "insert into raw.campaign_terms select campaign_id, '2026-01-31', 'lyh2026@2026-01-31', terms "
        "from raw.campaign_terms",
    )
    with pytest.raises(ReleaseRefused, match=r"otherwise than declared: raw\.campaign_terms"):
        release(settings, D)


TWO_INSTALMENTS = f"""
update raw.run set business_date = '2025-12-30' where business_date = '2026-01-30';
update intermediate.int_recharge__events set recharged_on = '2025-11-30';
insert into exports.export_credit values
    ('lyh2026', '{"e" * 32}', '{"e" * 32}', 'RECHARGE_BONUS', 'B2', 400, 400, null, null,
     '{"e" * 32}', 's1', '13800000001', 400, 'INSTALMENT', 2, 6, 'r1');
update ledger.ledger_entries set amount_fen = 400 where grant_key = '{"e" * 32}';
"""


@pytest.mark.parametrize(("promised_on", "is_released"), [("2025-12-01", False), ("2026-01-31", True)])
def test_two_instalments_of_one_promise_leave_in_one_run_only_where_it_came_late(
    settings: Settings, promised_on: str, is_released: bool
) -> None:
    run(settings, "alter table raw.run disable trigger user")
    run(settings, TWO_INSTALMENTS)
    run(
        settings,
        "insert into ledger.credit_obligations (grant_key, recharge_id, due_on, business_date) values "
        f"('{THIRD}', 'r1', '2026-01-05', '{promised_on}'), ('{'e' * 32}', 'r1', '2026-01-28', '{promised_on}')",
    )
    settings = replace(settings, today=date(2026, 2, 1))
    if is_released:
        assert release(settings, D).released
    else:
        with pytest.raises(ReleaseRefused, match="no two instalments of a promise fell due since the last closed date"):
            release(settings, D)


def test_what_the_carrier_refused_may_be_sent_again(settings: Settings) -> None:
    run(settings, SENT)
    run(
        settings,
        f"""
        insert into raw.answer (file_stem, interface, sha256, status, rows_ok, rows_failed, state, received_on)
        values ('credit_lyh2026_20260130_0001', 'credit', '', 'SEMIWRONG', 0, 1, 'LOADED', '2026-01-31');
        insert into raw.answer_row (answer_no, line_no, answer_key, code)
        select answer_no, 1, '{THIRD}', '90' from raw.answer;
        """,
    )

    assert release(settings, D).released


@pytest.mark.parametrize("row_key", [None, THIRD])
def test_what_a_person_asked_for_again_may_be_sent_again(settings: Settings, row_key: str | None) -> None:
    run(settings, SENT)
    run(
        settings,
        f"""
        insert into raw.manual_override (file_name, entry_sha256, kind, file_stem, row_key, requested_by, justification,
        state, received_on)
        values ('w', 'e', 'ASK_AGAIN', 'credit_lyh2026_20260130_0001', {f"'{row_key}'" if row_key else "null"}, '张三',
                '无回音', 'LOADED', '2026-01-31')
        """,
    )

    assert release(settings, D).released


def test_the_release_is_whole_or_not_at_all(settings: Settings) -> None:
    """What fails last takes with it what was written first."""
    run(settings, "create function raw.fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    run(settings, "create trigger fail before update on raw.run for each row execute function raw.fail()")

    with pytest.raises(psycopg.errors.RaiseException):
        release(settings, D)

    assert run(settings, "select count(*) from outbox.file") == [(0,)]
    assert marts_note(settings) == "the last release"


def test_of_no_rows_great_expectations_says_what_is_known_unasked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings, "truncate exports.export_credit, exports.export_data_grant")
    empty = {"export_credit", "export_data_grant", "export_push", "card_stock_by_platform", "device_orders"}
    suites = [
        replace(suite, expectations=tuple(each for each in suite.expectations if ROW_BY_ROW.match(each["type"])))
        for suite in load_suites(HOME / "expectations")
        if suite.name in empty
    ]
    unasked = validate(settings.warehouse_dsn, suites, D)
    monkeypatch.setattr("laoyouhui.pipeline.release._is_without_rows", lambda *_: False)
    asked = validate(settings.warehouse_dsn, suites, D)
    assert len(asked) > 20
    assert asked == unasked
    assert all(check.success for check in asked)


def test_a_column_that_is_missing_is_told_also_of_no_rows(settings: Settings) -> None:
    run(settings, "alter table exports.export_push drop column title")
    with pytest.raises(ReleaseRefused, match=r"suite export_push[^~]*the check could not be made: [^~]*title"):
        release(settings, D)


def test_every_suite_reads_and_names_each_relation_once() -> None:
    suites = load_suites(HOME / "expectations")

    relations = [suite.relation for suite in suites]
    exports = {f"exports.{path.stem}" for path in (MODELS / "exports").glob("*.sql")}
    marts = {f"marts_candidate.{path.stem}" for path in (MODELS / "marts").glob("*/*.sql")}
    assert exports
    assert marts
    assert sorted(relations) == sorted({*exports, *marts, "raw.delivery"})
    assert all(suite.expectations for suite in suites)
