-- Rows of requests as received, each content once: a second row with the same id and content is a duplicate and
-- ignored. One whose id is known with other content is a conflict (rules, 12): if both came in one run neither counts,
-- else the first one does. Rows withdrawn since stay here, but no longer count: int_request__events.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['request_id']},
        {'columns': ['reverses_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

received as (
    select
        requests.*,
        requests.requested_at::date as requested_on,
        deliveries.business_date as file_business_date,
        deliveries.seq as file_seq,
        deliveries.file_name as source_file
    from {{ ref('int_request__rows') }} as requests
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on requests.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads only its own rows
        requests.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
            )
        )
),

first_of_each as (
    select distinct on (feed, event_id, content_hash) *
    from received
    order by feed, event_id, content_hash, file_business_date, file_seq, source_file, source_line
),

final as (
    select
        first_of_each.*,
        known.has_this_content is not null
        or count(*) over (partition by first_of_each.feed, first_of_each.event_id) > 1 as is_conflict,
        run.business_date,
        run.attempt_no
    from first_of_each
    cross join run
    -- one lookup for both: whether the id is known, and whether with this content
    cross join
        lateral (
            select bool_or(known.content_hash = first_of_each.content_hash) as has_this_content
            from {{ this }} as known
            where
                known.event_id = first_of_each.event_id
                and known.feed = first_of_each.feed
                and {{ is_current('known') }}
                and not {{ is_withdrawn('known') }}
        ) as known
    where known.has_this_content is not true
)

select * from final -- noqa: AM04
