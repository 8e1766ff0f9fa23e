-- Ticket events, each once: the first row of an id counts.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['ticket_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

select distinct on (events.event_id)
    events.*,
    deliveries.file_name as source_file,
    events.line_no as source_line
from {{ ref('stg_ticket__events') }} as events
inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries on events.delivery_no = deliveries.delivery_no
cross join {{ ref('stg_run__current') }} as run
where
    -- by number, so that a day reads only its own rows
    events.delivery_no = any(
        array(
            select arrived.delivery_no
            from {{ ref('int_carrier__deliveries_to_read') }} as arrived
            where arrived.feed = 'ticket'
        )
    )
    and not exists (
        select from {{ this }} as known
        where
            known.event_id = events.event_id
            and {{ is_current('known') }}
            and not {{ is_withdrawn('known', 'ticket') }}
    )
order by events.event_id, deliveries.business_date, deliveries.seq, events.line_no
