-- Rows of the requests that this run must answer, numbered within their request: new ones, those whose decision no
-- longer holds (rules, 12), and those of which a person has chosen a row (rules, 4.10).
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

voided as materialized (
    select distinct
        voids.feed,
        voids.request_id
    from {{ ref('int_request__voids') }} as voids
    inner join run on {{ is_this_attempt('voids') }}
),

due as (
    select
        today.*,
        false as is_chosen
    from {{ ref('int_request__events') }} as today
    inner join run on today.business_date = run.business_date
    where
        today.is_request
        and not exists (
            select from voided
            where voided.request_id = today.request_id and voided.feed = today.feed
        )

    union all

    select
        again.*,
        false as is_chosen
    from voided
    inner join {{ ref('int_request__events') }} as again
        on voided.request_id = again.request_id and voided.feed = again.feed
    where again.is_request

    union all

    select
        rows_in_conflict.*,
        true as is_chosen
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date and not disputes.is_open
    inner join {{ ref('int_request__events') }} as rows_in_conflict
        on
            disputes.recharge_id = rows_in_conflict.request_id
            and disputes.chosen_file = rows_in_conflict.source_file
            and disputes.chosen_line = rows_in_conflict.source_line
    where rows_in_conflict.feed = 'recharge' and rows_in_conflict.is_request
),

final as (
    select
        due.*,
        row_number() over (
            same_request order by due.file_business_date, due.file_seq, due.source_file, due.source_line
        ) as row_of_request,
        bool_or(due.is_conflict) over same_request
        or min(due.content_hash) over same_request <> max(due.content_hash) over same_request as has_other_content
    from due
    window same_request as (partition by due.feed, due.request_id, due.is_chosen)
)

select * from final -- noqa: AM04
