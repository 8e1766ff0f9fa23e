-- what was returned, by the first event that says so, seen by the run that it came in; also where the order itself has
-- not come yet
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['seen_on']}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (events.order_id)
        events.order_id,
        events.event_id,
        events.event_at as returned_at,
        events.event_on as returned_on,
        events.source_file,
        events.source_line,
        run.business_date as seen_on,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('int_device_order__events') }} as events
    inner join run on {{ is_this_pass('events') }}
    where
        events.event = 'RETURNED'
        and not events.is_conflict
        and not exists (
            select from {{ this }} as known
            where known.order_id = events.order_id and {{ is_standing('known') }}
        )
    order by events.order_id, events.event_at, events.event_id
)

select * from final
