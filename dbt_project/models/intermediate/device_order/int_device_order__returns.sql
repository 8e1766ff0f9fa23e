-- returns, by the first event that says so, seen by the run that it came in; even if the order itself has not come yet
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['seen_on']}],
) }}

select distinct on (events.order_id)
    events.*,
    events.event_at as returned_at,
    events.event_on as returned_on,
    run.business_date as seen_on
from {{ ref('int_device_order__events') }} as events
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('events') }}
where
    events.event = 'RETURNED'
    and not events.is_conflict
    and not exists (
        select from {{ this }} as known
        where known.order_id = events.order_id and {{ is_current('known') }}
    )
order by events.order_id, events.event_at, events.event_id
