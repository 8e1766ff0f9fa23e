-- The life of each ticket out of its events, in whatever order they came: it is what its last event says, by time.
{{ config(materialized='stable_view') }}

with lives as (
    select
        ticket_id,
        (
            array_agg(ticket_kind order by event <> 'OPENED', happened_at, event_id)
            filter (where ticket_kind is not null)
        )[1] as ticket_kind,
        (
            array_agg(benefit order by event <> 'OPENED', happened_at, event_id) filter (where benefit is not null)
        )[1] as benefit,
        (
            array_agg(subscriber_id order by event <> 'OPENED', happened_at, event_id)
            filter (where subscriber_id is not null)
        )[1] as subscriber_id,
        -- CLOSED before ANSWERED before OPENED where two happened at once
        (
            array_agg(
                event
                order by happened_at desc, array_position(array['CLOSED', 'ANSWERED', 'OPENED'], event), event_id desc
            )
        )[1] as state,
        min(happened_at) as first_event_at,
        min(happened_at) filter (where event = 'OPENED') as opened_at,
        min(happened_at) filter (where event = 'ANSWERED') as answered_at,
        (
            array_agg(staff_id order by happened_at, event_id) filter (where event = 'ANSWERED')
        )[1] as answered_by,
        max(happened_at) filter (where event = 'CLOSED') as last_closed_at,
        min(business_date) as seen_on,
        (array_agg(source_file order by event <> 'OPENED', happened_at, event_id))[1] as source_file,
        (array_agg(source_line order by event <> 'OPENED', happened_at, event_id))[1] as source_line
    from {{ ref('int_ticket__events') }}
    group by ticket_id
)

select
    ticket_id,
    coalesce(ticket_kind, 'UNKNOWN') as ticket_kind,
    coalesce(benefit, 'NONE') as benefit,
    subscriber_id,
    state,
    first_event_at,
    opened_at,
    answered_at,
    answered_by,
    case when state = 'CLOSED' then last_closed_at end as closed_at,
    -- clocks differ: an answer is never before its question
    case
        when answered_at is not null and opened_at is not null
            then greatest(extract(epoch from answered_at - opened_at), 0)::bigint
    end as seconds_to_answer,
    seen_on,
    source_file,
    source_line
from lives
