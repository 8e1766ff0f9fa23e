-- Opt-outs and opt-ins, each once: the first row of an id stands. An OUT counts from its own second, or from the close
-- of the run that learns of it where that is earlier (rules, 12): a clock that is ahead delays nothing.
{{ config(materialized='append_only', indexes=[{'columns': ['opted_at']}]) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (events.event_id)
        events.event_id,
        events.content_hash,
        events.subscriber_id,
        events.msisdn,
        events.opted_at,
        case
            when events.action = 'OUT' then least(events.opted_at, run.next_date::timestamp)
            else events.opted_at
        end as counts_from,
        events.action,
        events.via,
        deliveries.file_name as source_file,
        events.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('stg_optout__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    inner join run on {{ is_read_now('deliveries') }}
    where
        deliveries.feed = 'optout'
        and not exists (
            select from {{ this }} as known
            where
                known.event_id = events.event_id
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'optout') }}
        )
    order by events.event_id, deliveries.business_date, deliveries.seq, events.line_no
)

select * from final
