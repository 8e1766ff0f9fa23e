-- Opt-outs and opt-ins, each once: the first row of an id counts. An OUT counts from its own second, or from the close
-- of the run that learns of it if that is earlier (rules, 12): a fast clock delays nothing.
{{ config(materialized='append_only', indexes=[{'columns': ['opted_at']}]) }}

select distinct on (events.event_id)
    events.*,
    case
        when events.action = 'OUT' then least(events.opted_at, run.next_date::timestamp)
        else events.opted_at
    end as counts_from,
    deliveries.file_name as source_file,
    events.line_no as source_line
from {{ ref('stg_optout__events') }} as events
inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries
    on events.delivery_no = deliveries.delivery_no and deliveries.feed = 'optout'
cross join {{ ref('stg_run__current') }} as run
where
    not exists (
        select from {{ this }} as known
        where
            known.event_id = events.event_id
            and {{ is_current('known') }}
            and not {{ is_withdrawn('known', 'optout') }}
    )
order by events.event_id, deliveries.business_date, deliveries.seq, events.line_no
