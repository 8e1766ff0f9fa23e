-- What happened to tickets, each event once: the first row of an id stands.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['ticket_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (events.event_id)
        events.event_id,
        events.content_hash,
        events.ticket_id,
        events.subscriber_id,
        events.event,
        events.ticket_kind,
        events.benefit,
        events.happened_at,
        events.staff_id,
        deliveries.file_name as source_file,
        events.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('stg_ticket__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    cross join run
    where
        -- by number, so that a day reads its own rows only
        events.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run as this_run on {{ is_read_now('arrived', 'this_run') }}
                where arrived.feed = 'ticket'
            )
        )
        and not exists (
            select from {{ this }} as known
            where
                known.event_id = events.event_id
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'ticket') }}
        )
    order by events.event_id, deliveries.business_date, deliveries.seq, events.line_no
)

select * from final
