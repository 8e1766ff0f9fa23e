"""The functions of the dbt project, over the tables of a real warehouse: every row here is undone after its test."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, LiteralString

import psycopg
import pytest
from tests.integration.rows import insert

HISTORY = "intermediate.int_subscriber__history"


def states(conn: psycopg.Connection, rows: str) -> None:
    insert(conn, HISTORY, rows, source_file="subscriber_20260101_0001", business_date="2026-01-25", attempt_no=1)


def asked(conn: psycopg.Connection, query: LiteralString, *values: object) -> list[Any]:
    """The one column that a query gives."""
    return [value for (value,) in conn.execute(query, values)]


# --- a subscriber as of a day ------------------------------------------------------------------------------------

STATES = """
subscriber_id state_on   revision is_present msisdn      status
S-A           2026-01-10 3        true       13800000001 A
S-A           2026-01-12 4        true       13800000002 S
S-A           2026-01-12 9        true       13800000003 A
S-A           2026-01-20 7        false      -           -
S-B           2026-01-12 4        true       13800000004 A
"""


@pytest.mark.parametrize(
    ("day", "revisions"),
    [
        ("2026-01-09", []),  # before the first delivery that listed him
        ("2026-01-10", [3]),
        ("2026-01-11", [3]),
        ("2026-01-12", [9]),  # the correction of a date counts, though an older one came for it too
        ("2026-01-19", [9]),  # and not the later date, whose delivery came before the correction
        ("2026-01-20", [7]),
        ("infinity", [7]),
        (None, []),
    ],
)
def test_the_state_of_a_subscriber_is_that_of_the_last_date_and_of_its_last_delivery(
    conn: psycopg.Connection, day: str | None, revisions: list[int]
) -> None:
    states(conn, STATES)
    assert asked(conn, "select revision from intermediate.state_as_of('S-A', %s)", day) == revisions


def test_nobody_has_the_state_of_another(conn: psycopg.Connection) -> None:
    states(conn, STATES)
    assert asked(conn, "select msisdn from intermediate.state_as_of('S-B', '2026-01-31')") == ["13800000004"]
    assert asked(conn, "select msisdn from intermediate.state_as_of('S-C', '2026-01-31')") == []
    assert asked(conn, "select msisdn from intermediate.state_as_of(null, '2026-01-31')") == []


def test_who_is_not_listed_any_more_is_known_by_his_last_listing(conn: psycopg.Connection) -> None:
    states(
        conn,
        """
        subscriber_id state_on   revision is_present msisdn      city_code
        S-A           2026-01-10 3        true       13800000001 010
        S-A           2026-01-12 4        true       -           020
        S-A           2026-01-20 7        false      -           -
        """,
    )
    last = "select city_code from intermediate.last_listing_as_of('S-A', %s)"
    assert asked(conn, last, "2026-01-09") == []
    assert asked(conn, last, "2026-01-31") == ["020"]
    of_number = "select city_code from intermediate.last_listing_as_of('S-A', '2026-01-31', with_number => %s)"
    assert asked(conn, of_number, True) == ["010"]
    assert asked(conn, of_number, False) == ["020"]


# --- who holds a number ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "holder"),
    [
        ("S-A 2026-01-10 1 true 13800000001 A 2020-01-01", ["S-A"]),
        ("S-A 2026-01-10 1 true 13800000001 S 2020-01-01", ["S-A"]),  # suspended, he holds it still
        ("S-A 2026-01-10 1 true 13800000001 C 2020-01-01", []),  # closed
        ("S-A 2026-01-10 1 false 13800000001 A 2020-01-01", []),
        ("S-A 2026-01-31 1 true 13800000001 A 2020-01-01", []),  # not yet
        # he has given it up for another one
        (
            "S-A 2026-01-10 1 true 13800000001 A 2020-01-01\nS-A 2026-01-11 2 true 13800000002 A 2020-01-01",
            [],
        ),
        # of two, the active before the suspended; of those, who came to it last, an unknown day being the oldest
        (
            "S-A 2026-01-10 1 true 13800000001 S 2025-12-31\nS-B 2026-01-10 1 true 13800000001 A 2020-01-01",
            ["S-B"],
        ),
        (
            "S-A 2026-01-10 1 true 13800000001 A 2020-01-01\nS-B 2026-01-10 1 true 13800000001 A 2025-12-31",
            ["S-B"],
        ),
        ("S-A 2026-01-10 1 true 13800000001 A -\nS-B 2026-01-10 1 true 13800000001 A 2020-01-01", ["S-B"]),
        ("S-B 2026-01-10 1 true 13800000001 A -\nS-A 2026-01-10 1 true 13800000001 A -", ["S-A"]),
    ],
)
def test_a_number_has_one_holder_on_a_day(conn: psycopg.Connection, rows: str, holder: list[str]) -> None:
    states(conn, f"subscriber_id state_on revision is_present msisdn status status_date\n{rows}")
    assert asked(conn, "select subscriber_id from intermediate.holder_as_of('13800000001', '2026-01-15')") == holder


# --- memberships -------------------------------------------------------------------------------------------------


def test_a_membership_is_what_its_last_change_says(conn: psycopg.Connection) -> None:
    insert(
        conn,
        "ledger.membership_changes",
        """
        grant_key campaign_id subscriber_id action reason    effective_on business_date     attempt_no
        k1        C-1         S-A           ADD    QUALIFIED 2026-01-26   2026-01-25 1
        k2        C-1         S-A           REMOVE CLOSED    2026-02-01   2026-01-31 1
        k3        C-1         S-A           ADD    QUALIFIED 2026-02-01   2026-01-31 2
        k4        C-1         S-A           REMOVE CLOSED    2026-02-01   2026-02-02 1
        k5        C-2         S-A           ADD    QUALIFIED 2026-01-20   2026-02-03 1
        k6        C-1         S-B           ADD    QUALIFIED 2026-01-20   2026-02-03 1
        """,
        member_since="2026-01-26",
        terms_version="v",
    )
    of = "select grant_key from intermediate.membership_as_of('C-1', 'S-A', %s)"
    assert asked(conn, of, "2026-01-25") == []
    assert asked(conn, of, "2026-01-26") == ["k1"]
    assert asked(conn, of, "2026-01-31") == ["k1"]
    assert asked(conn, of, "2026-02-01") == ["k4"]  # said last, of three for the same day
    assert asked(conn, of, None) == []
    conn.execute("update ledger.membership_changes set business_date = '2026-01-31' where grant_key = 'k4'")
    assert asked(conn, of, "2026-02-01") == ["k3"]  # the second attempt at that date


# --- terms -------------------------------------------------------------------------------------------------------


def version(conn: psycopg.Connection, **changes: object) -> None:
    """One more row of terms: the shipped campaign's, with these columns otherwise."""
    conn.execute(
        "insert into staging.stg_campaign__terms "
        "select (jsonb_populate_record(shipped, %s)).* from staging.stg_campaign__terms as shipped limit 1",
        (json.dumps(changes, default=str),),
    )


def only_version(conn: psycopg.Connection, **changes: object) -> None:
    version(conn, terms_version="only", **changes)
    conn.execute("delete from staging.stg_campaign__terms where terms_version <> 'only'")


@pytest.mark.parametrize(
    ("years", "day", "cutoff"),
    [
        (5, "2026-01-26", "2021-01-26"),
        (5, "2025-02-27", "2020-02-27"),
        (5, "2025-02-28", "2020-02-29"),  # 29 February has its anniversary on the 28th of a common year
        (5, "2025-03-01", "2020-03-01"),
        (5, "2024-02-28", "2019-02-28"),
        (5, "2024-02-29", "2019-02-28"),  # whoever began on 1 March has not yet five years
        (4, "2028-02-28", "2024-02-28"),  # nor whoever began on 29 February, in a leap year
        (4, "2028-02-29", "2024-02-29"),
        (0, "2026-01-26", "2026-01-26"),
    ],
)
def test_who_began_on_the_cutoff_has_his_years(conn: psycopg.Connection, years: int, day: str, cutoff: str) -> None:
    only_version(conn, tenure_years=years, port_in_years=years, owner_years=years, tenure_judged_on="event")
    found = conn.execute(
        "select tenure_cutoff, port_in_cutoff, owner_cutoff from intermediate.terms_on(%s)", (day,)
    ).fetchall()
    assert found == [(date.fromisoformat(cutoff),) * 3]


def test_each_cutoff_has_its_own_years(conn: psycopg.Connection) -> None:
    only_version(conn, tenure_years=1, port_in_years=2, owner_years=3, tenure_judged_on="event")
    found = conn.execute(
        "select tenure_cutoff, port_in_cutoff, owner_cutoff from intermediate.terms_on('2026-01-26')"
    ).fetchall()
    assert found == [(date(2025, 1, 26), date(2024, 1, 26), date(2023, 1, 26))]


def test_years_are_counted_to_the_start_where_the_terms_say_so(conn: psycopg.Connection) -> None:
    """Bands are not: they are those of the day."""
    conn.execute("update raw.campaign set starts_on = '2025-02-28'")
    conn.execute("update raw.campaign_terms set effective_from = '2025-02-01'")
    only_version(
        conn, tenure_years=5, tenure_judged_on="campaign_start", tenure_bands_years=[0, 5], valid_from="-infinity"
    )
    found = conn.execute("select tenure_cutoff, tenure_band_starts from intermediate.terms_on('2025-04-30')").fetchall()
    assert found == [(date(2020, 2, 29), [date(2020, 5, 1), date(2025, 5, 1)])]


def test_a_band_begins_after_the_last_day_that_is_too_old_for_the_one_below(conn: psycopg.Connection) -> None:
    only_version(conn, tenure_bands_years=[0, 5, 8])
    (starts,) = asked(conn, "select tenure_band_starts from intermediate.terms_on('2025-02-28')")
    assert starts == [date(2017, 3, 1), date(2020, 3, 1), date(2025, 3, 1)]


def test_terms_are_those_that_hold_on_the_day(conn: psycopg.Connection) -> None:
    only_version(conn, valid_from="-infinity", valid_until="2026-03-01", late_days=7)
    version(conn, terms_version="next", valid_from="2026-03-01", valid_until="infinity", late_days=9)
    on = "select late_days from intermediate.terms_on(%s)"
    assert asked(conn, on, "2026-02-28") == [7]
    assert asked(conn, on, "2026-03-01") == [9]
    assert asked(conn, on, None) == []


def test_every_campaign_has_its_terms(conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into raw.campaign (campaign_id, name, starts_on, ends_on, priority, control_share_bp, control_salt,"
        " file_sha256) select 'other', name, '2026-03-01', '2026-03-31', 77, 0, '', '' from raw.campaign"
    )
    conn.execute(
        "insert into raw.campaign_terms (campaign_id, effective_from, terms_version, terms)"
        " select 'other', '2026-01-01', 'other@1', terms - 'readiness' from raw.campaign_terms limit 1"
    )
    version(conn, campaign_id="other", terms_version="other@1", valid_from="2026-01-01", valid_until="infinity")
    found = conn.execute(
        "select campaign_id, terms_version, starts_on, ends_on, priority from intermediate.terms_on('2026-02-01')"
        " where campaign_id = 'other'"
    ).fetchall()
    assert found == [("other", "other@1", date(2026, 3, 1), date(2026, 3, 31), 77)]
    assert sorted(asked(conn, "select campaign_id from intermediate.terms_on('2026-02-01')")) == ["lyh2026", "other"]
    assert asked(conn, "select campaign_id from intermediate.terms_on('2025-12-31')") == ["lyh2026"]


def test_terms_lack_no_column(conn: psycopg.Connection) -> None:
    given = conn.execute("select * from intermediate.terms_on('2026-02-01')").description
    asked_for = conn.execute("select * from staging.stg_campaign__terms limit 0").description
    assert given is not None
    assert asked_for is not None
    assert {column.name for column in asked_for} - {column.name for column in given} == set()


# --- lists -------------------------------------------------------------------------------------------------------


def test_the_list_of_a_day_is_the_last_for_it_or_before_it_that_stands(conn: psycopg.Connection) -> None:
    insert(
        conn,
        "raw.delivery",
        """
        delivery_no feed             business_date seq
        9001        hall             2026-01-10    1
        9002        hall             2026-01-12    2
        9003        hall             2026-01-12    1
        9004        device_catalogue 2026-01-13    1
        9005        hall             2026-01-14    1
        """,
        file_name="f", rows_received=0, rows_loaded=0, rows_quarantined=0, state="LOADED", received_on="2026-01-25",
    )  # fmt: skip
    known = "select delivery_no from intermediate.list_known_on('hall', %s)"
    assert asked(conn, known, "2026-01-09") == []
    assert asked(conn, known, "2026-01-11") == [9001]
    assert asked(conn, known, "2026-01-13") == [9002]  # of one date that of the highest number, however late
    assert asked(conn, known, "2026-01-31") == [9005]
    assert asked(conn, known, None) == []
    assert asked(conn, "select delivery_no from intermediate.list_known_on('device_catalogue', '2026-01-31')") == [9004]
    conn.execute(
        "insert into raw.manual_override (override_no, file_name, entry_sha256, state, received_on) "
        "values (1, 'w', 'e', 'LOADED', '2026-01-25')"
    )
    conn.execute(
        "insert into raw.withdrawal select 9005, 1, '2026-01-25', 1, feed, file_name, business_date, seq, 0, 'x', 9006"
        " from raw.delivery where delivery_no = 9005"
    )
    assert asked(conn, known, "2026-01-31") == [9002]


# --- queues ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "found"),
    [
        ([(60, 100), (50, 100), (40, 100), (1, 100)], [True, False, True, False]),  # who asks for less may still fit
        ([(1, 0)], [False]),
        ([(0, 0)], [True]),
        ([(10**15, None), (1, None)], [True, True]),  # no room said is room enough
        ([(50, 60), (20, None), (10, 60)], [True, True, False]),  # what took without a limit has taken
        ([(50, 60), (20, 100), (10, 60)], [True, True, False]),  # each by its own terms
    ],
)
def test_one_after_the_other_takes_what_is_left_of_a_room(
    conn: psycopg.Connection, queue: list[tuple[int, int | None]], found: list[bool]
) -> None:
    amounts, rooms = zip(*queue, strict=True)
    assert (
        asked(
            conn,
            "select intermediate.finds_room(amount, room) over (order by place)"
            " from unnest(%s::bigint[], %s::bigint[]) with ordinality as queue (amount, room, place) order by place",
            list(amounts),
            list(rooms),
        )
        == found
    )


@pytest.mark.parametrize(
    ("queue", "found"),
    [
        # two places of a subscriber for his tier, three of his customer
        (["a 2 c 3", "a 2 c 3", "a 2 c 3", "b 2 c 3", "b 2 c 3"], [True, True, False, True, False]),
        # who lacks a place in one takes none in the other: the third leaves the customer's last place to the fourth
        (["a 1 c 2", "a 1 c 2", "b 1 c 2"], [True, False, True]),
        (["a 1 c -", "b 1 c -", "a 1 c -"], [True, True, False]),
        (["a - c -", "a - c -"], [True, True]),
        (["a 0 c 9"], [False]),
    ],
)
def test_who_needs_two_places_takes_both_or_none(conn: psycopg.Connection, queue: list[str], found: list[bool]) -> None:
    rows = [line.split() for line in queue]
    assert (
        asked(
            conn,
            "select intermediate.finds_slots(array[q ->> 0, q ->> 2],"
            " array[nullif(q ->> 1, '-')::bigint, nullif(q ->> 3, '-')::bigint]) over (order by place)"
            " from jsonb_array_elements(%s::jsonb) with ordinality as queue (q, place) order by place",
            json.dumps(rows),
        )
        == found
    )


def test_a_queue_is_of_its_own_partition(conn: psycopg.Connection) -> None:
    assert asked(
        conn,
        "select intermediate.finds_room(1, 1) over (partition by line order by place)"
        " from unnest(array['x', 'y', 'x']) with ordinality as queue (line, place) order by place",
    ) == [True, True, False]


# --- how PostgreSQL runs them ------------------------------------------------------------------------------------

LATERAL: list[LiteralString] = [
    "state_as_of(x.subscriber_id, x.day)",
    "last_listing_as_of(x.subscriber_id, x.day)",
    "holder_as_of(x.msisdn, x.day)",
    "membership_as_of('lyh2026', x.subscriber_id, x.day)",
    "terms_on(x.day)",
    "list_known_on('hall', x.day)",
]


def plan_of(conn: psycopg.Connection, call: LiteralString) -> str:
    conn.execute("create temporary table x (subscriber_id text, msisdn text, day date)")
    rows = conn.execute(f"explain select * from x left join lateral intermediate.{call} as found on true").fetchall()  # type: ignore[arg-type]
    return "\n".join(line for (line,) in rows)


@pytest.mark.parametrize("call", LATERAL)
def test_a_function_is_planned_as_if_its_text_stood_there(conn: psycopg.Connection, call: LiteralString) -> None:
    assert f"Function Scan on {call.split('(')[0]}" not in plan_of(conn, call)


def test_a_state_is_looked_up_by_the_key(conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into intermediate.int_subscriber__history (subscriber_id, state_on, revision, is_present, "
        "business_date,"
        " attempt_no) select 'S-' || n, date '2026-01-01' + m, 1, true, '2026-01-25', 1"
        " from generate_series(1, 5000) as n cross join generate_series(1, 4) as m"
    )
    conn.execute("analyze intermediate.int_subscriber__history")
    plan = plan_of(conn, "state_as_of(x.subscriber_id, x.day)")
    assert "Index Scan Backward using int_subscriber__history_pkey" in plan
    assert "Sort" not in plan


def test_every_function_that_gives_rows_is_planned_so(conn: psycopg.Connection) -> None:
    assert sorted(call.split("(")[0] for call in LATERAL) == asked(
        conn,
        "select proname::text from pg_proc where pronamespace = 'intermediate'::regnamespace and proretset order by 1",
    )


def test_what_a_model_reads_by_a_function_runs_before_it(conn: psycopg.Connection) -> None:
    (after,) = asked(
        conn,
        "select statement -> 'after' from raw.dbt_project, jsonb_array_elements(statements) as each (statement)"
        " where statement ->> 'name' = 'model.laoyouhui.export_trial_grant'",
    )
    assert "model.laoyouhui.int_subscriber__history" in after


# --- how a function is changed -----------------------------------------------------------------------------------


def made(conn: psycopg.Connection, columns: LiteralString, query: LiteralString) -> None:
    definition = (
        f"create or replace function intermediate.tried(as_of date) returns table ({columns}) "
        f"language sql stable as $$ {query} $$"
    )
    conn.execute("select raw.replace_function('intermediate.tried(date)', %s)", [definition])


def test_a_function_that_gives_other_columns_goes_with_dbts_views_and_their_rights_wait(
    conn: psycopg.Connection,
) -> None:
    conn.execute("set local role laoyouhui_owner")
    made(conn, "n integer", "select 1")
    conn.execute(
        "select raw.replace_view('staging.stg_tried', 'select n from intermediate.tried(date ''2026-01-01'')')"
    )
    conn.execute("grant select on staging.stg_tried to laoyouhui_finance")
    made(conn, "n integer, m text", "select 1, 'm'")
    assert asked(conn, "select to_regclass('staging.stg_tried')::text") == [None]
    conn.execute(
        "select raw.replace_view('staging.stg_tried', 'select m from intermediate.tried(date ''2026-01-01'')')"
    )
    assert asked(conn, "select m from staging.stg_tried") == ["m"]
    assert asked(conn, "select has_table_privilege('laoyouhui_finance', 'staging.stg_tried', 'select')") == [True]


def test_a_function_that_keeps_its_columns_is_changed_where_it_stands(conn: psycopg.Connection) -> None:
    conn.execute("set local role laoyouhui_owner")
    made(conn, "n integer", "select 1")
    conn.execute("create schema finance create view user_views as select n from intermediate.tried('2026-01-01')")
    made(conn, "n integer", "select 2")
    assert asked(conn, "select n from finance.user_views") == [2]
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="tried") as refused:
        made(conn, "n integer, m text", "select 1, 'm'")
    assert "user_views" in f"{refused.value.diag.message_detail} {refused.value}"


def test_no_view_that_people_may_be_given_calls_a_function(conn: psycopg.Connection) -> None:
    """A view reads its tables with the rights of its owner; a function in it with those of the reader, who has none."""
    calling = asked(
        conn,
        """
        select distinct raw.full_name(rewrite.ev_class)
        from pg_depend as uses
        join pg_rewrite as rewrite on rewrite.oid = uses.objid and uses.classid = 'pg_rewrite'::regclass
        join pg_proc as function on function.oid = uses.refobjid and uses.refclassid = 'pg_proc'::regclass
        where pronamespace = 'intermediate'::regnamespace
        """,
    )
    upon = asked(conn, "select raw.full_name(raw.views_on(name::regclass)) from unnest(%s::text[]) as name", calling)
    assert [name for name in {*calling, *upon} if name.split(".")[0] in ("ledger", "watch", "marts")] == []
