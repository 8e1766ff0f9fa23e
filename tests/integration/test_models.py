"""Single models over given rows: what dbt's own unit tests cannot give, since their models ask functions.

The statement is the one that an ordinary day runs. Every row is undone after its test.
"""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.integration.rows import insert


def closing(conn: psycopg.Connection, day: str, **terms: object) -> None:
    """The run that closes a day, in the shipped campaign with these terms; it begins in the month of the day after."""
    conn.execute("update raw.current_run set business_date = %s, attempt_no = 1, state = 'DECIDING'", (day,))
    conn.execute(
        "update raw.campaign set starts_on = date_trunc('month', %(day)s::date + 1),"
        " ends_on = date_trunc('month', %(day)s::date + 1) + interval '3 months'",
        {"day": day},
    )
    conn.execute("update raw.campaign_terms set effective_from = '2019-01-01', terms = terms - 'readiness'")
    conn.execute(
        "create temporary table changed on commit drop as"
        " select (jsonb_populate_record(shipped, %s)).* from staging.stg_campaign__terms as shipped",
        (Jsonb({"valid_from": "-infinity", "valid_until": "infinity", **terms}),),
    )
    conn.execute("truncate staging.stg_campaign__terms")
    conn.execute("insert into staging.stg_campaign__terms select * from changed")


def run(conn: psycopg.Connection, model: str) -> None:
    found = conn.execute(
        "select statement ->> 'sql' from raw.dbt_project, jsonb_array_elements(statements) as each (statement)"
        " where statement ->> 'name' = %s",
        (f"model.laoyouhui.{model}",),
    ).fetchone()
    assert found is not None
    conn.execute(found[0].encode())


def states(conn: psycopg.Connection, day: str, activated: dict[str, str | None]) -> None:
    """Subscribers as one delivery lists them, by the day on which their service began."""
    insert(
        conn,
        "intermediate.int_subscriber__history",
        "\n".join(
            [
                "subscriber_id customer_id activation_date",
                *(f"{who} {who} {since or '-'}" for who, since in activated.items()),
            ]
        ),
        state_on=day, revision=1, is_present=True, status="A", segment="CONSUMER", real_name="Y", card_role="MAIN",
        business_date=day, attempt_no=1,
    )  # fmt: skip


# --- rules 2: five years of service, by calendar anniversaries ---------------------------------------------------


@pytest.mark.parametrize(
    ("day", "activated", "reasons"),
    [
        # on 28 February 2025, who began on 29 February 2020 has five years
        (
            "2025-02-27",
            {"leap": "2020-02-29", "day_after": "2020-03-01"},
            {"leap": "ELIGIBLE", "day_after": "TENURE"},
        ),
        # and not a day too early
        (
            "2025-02-26",
            {"leap": "2020-02-29", "day_before": "2020-02-27"},
            {"leap": "TENURE", "day_before": "ELIGIBLE"},
        ),
        # on 29 February 2024 five years reach back to 28 February 2019, not to 1 March
        (
            "2024-02-28",
            {"last_of_february": "2019-02-28", "first_of_march": "2019-03-01"},
            {"last_of_february": "ELIGIBLE", "first_of_march": "TENURE"},
        ),
    ],
)
def test_29_february_has_its_anniversary_on_the_28th_of_a_common_year(
    conn: psycopg.Connection, day: str, activated: dict[str, str | None], reasons: dict[str, str]
) -> None:
    closing(conn, day, tenure_years=5, tenure_judged_on="event")
    states(conn, day, activated)
    run(conn, "int_eligibility__statuses")
    assert (
        dict(conn.execute("select subscriber_id, reason from intermediate.int_eligibility__statuses").fetchall())
        == reasons
    )


# --- rules 3: the data gift --------------------------------------------------------------------------------------


def gifts(conn: psycopg.Connection, activated: dict[str, str | None], megabytes: int) -> dict[str, tuple[str, int]]:
    """The gifts of February 2026, at 1 fen a GB: whose, with tenure band and cost."""
    closing(conn, "2026-01-31", gift_months=3, gift_megabytes=megabytes, gift_unit_price_fen_per_gb=1)
    states(conn, "2026-01-25", activated)
    insert(
        conn,
        "intermediate.int_eligibility__statuses",
        "\n".join(["subscriber_id", *activated]),
        campaign_id="lyh2026", judged_for="2026-02-01", is_eligible=True, reason="ELIGIBLE", reasons=[],
        first_qualified_for="2026-02-01", terms_version="lyh2026@2026-01-26", business_date="2026-01-31", attempt_no=1,
    )  # fmt: skip
    run(conn, "data_gift_decisions")
    found = conn.execute("select subscriber_id, tenure_band, cost_fen from ledger.data_gift_decisions").fetchall()
    return {who: (band, cost) for who, band, cost in found}


def test_a_tenure_band_begins_on_the_anniversary(conn: psycopg.Connection) -> None:
    """512 MB at 1 fen a GB are half a fen, which is 1."""
    assert gifts(
        conn,
        {
            "five": "2021-02-01",
            "nearly_five": "2021-02-02",
            "eight": "2018-02-01",
            "nearly_eight": "2018-02-02",
            "twenty": "2006-02-01",
            "tomorrow": "2026-02-02",
            "never": None,
        },
        512,
    ) == {
        "five": ("5-7", 1),
        "nearly_five": ("0-4", 1),
        "eight": ("8-9", 1),
        "nearly_eight": ("5-7", 1),
        "twenty": ("20+", 1),
        "tomorrow": ("unknown", 1),
        "never": ("unknown", 1),
    }


def test_less_than_half_a_fen_is_none(conn: psycopg.Connection) -> None:
    assert gifts(conn, {"five": "2021-02-01"}, 511) == {"five": ("5-7", 0)}


def test_a_state_counts_as_of_the_day_that_is_closed(conn: psycopg.Connection) -> None:
    """What the next day's delivery says is for the next run."""
    closing(conn, "2026-01-31", gift_months=3, gift_megabytes=512, gift_unit_price_fen_per_gb=1)
    states(conn, "2026-01-31", {"S-A": "2006-02-01"})
    states(conn, "2026-02-01", {"S-A": "2021-02-01", "S-B": "2021-02-01"})
    assert conn.execute(
        "select subscriber_id, activation_date from intermediate.int_subscriber__current"
    ).fetchall() == [("S-A", date(2006, 2, 1))]
