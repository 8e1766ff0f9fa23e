-- Opt-outs belong to a subscriber, never to a number: where the carrier names only the number, to whoever held it that
-- day; of a day before the first snapshot, to whoever that names.
{{ config(materialized='incremental', indexes=[{'columns': ['subscriber_id']}]) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

first_snapshot as (
    select min(business_date) as business_date
    from {{ ref('stg_carrier__deliveries') }}
    where feed = 'subscriber'
),

received as (
    select distinct on (events.event_id)
        events.*,
        deliveries.file_name as source_file
    from {{ ref('stg_optout__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    inner join run on deliveries.received_on = run.business_date
    where deliveries.feed = 'optout'
    order by events.event_id, deliveries.business_date, deliveries.seq, events.line_no
),

final as (
    select
        received.event_id,
        coalesce(received.subscriber_id, holders.subscriber_id) as subscriber_id,
        received.msisdn,
        received.opted_at,
        received.action,
        received.via,
        received.source_file,
        received.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from received
    cross join run
    cross join first_snapshot
    left join lateral (
        select mentioned.subscriber_id
        from (
            select distinct holding.subscriber_id
            from {{ ref('int_subscriber__history') }} as holding
            where holding.msisdn = received.msisdn
        ) as mentioned
        inner join lateral (
            select history.*
            from {{ ref('int_subscriber__history') }} as history
            where
                history.subscriber_id = mentioned.subscriber_id
                and history.state_on <= greatest(received.opted_at::date, first_snapshot.business_date)
            order by history.state_on desc, history.revision desc
            limit 1
        ) as state on true
        where state.is_present and state.msisdn = received.msisdn and state.status in ('A', 'S')
        order by state.status asc, state.status_date desc nulls last, mentioned.subscriber_id asc
        limit 1
    ) as holders on received.subscriber_id is null
    where
        not exists (
            select from {{ this }} as known
            where known.event_id = received.event_id and {{ is_standing('known') }}
        )
)

select * from final
