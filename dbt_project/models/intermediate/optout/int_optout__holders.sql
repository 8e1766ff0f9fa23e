-- Who an opt-out belongs to (rules, 8): it belongs to a subscriber, never to a number. If the carrier names only the
-- number, it belongs to the subscriber who held it on its own day; before the first snapshot, to the one that snapshot
-- names. Judged when it comes, and again by every run that learns something about its day: the last row of an event
-- counts.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['event_id']},
        {'columns': ['subscriber_id']},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

first_snapshot as (
    select min(business_date) as business_date
    from {{ ref('stg_carrier__deliveries') }}
    where feed = 'subscriber'
),

-- the earliest day of which this run has learned something: on an ordinary date that date itself
learned as materialized (
    select min(history.state_on) as since
    from {{ ref('int_subscriber__history') }} as history
    inner join run on {{ is_this_attempt('history') }}
),

asked as (
    select events.*
    from {{ ref('int_optout__events') }} as events
    inner join run on {{ is_this_attempt('events') }}

    union

    select events.*
    from {{ ref('int_optout__events') }} as events
    cross join learned
    cross join first_snapshot
    where
        events.subscriber_id is null
        and (events.opted_at >= learned.since or learned.since <= first_snapshot.business_date)
),

judged as (
    select
        asked.event_id,
        coalesce(asked.subscriber_id, holders.subscriber_id) as subscriber_id
    from asked
    cross join first_snapshot
    left join lateral {{ function('holder_as_of') }}(
        asked.msisdn, greatest(asked.opted_at::date, first_snapshot.business_date)
    ) as holders on asked.subscriber_id is null
)

select judged.*
from judged
cross join run
left join lateral (
    select
        known.event_id,
        known.subscriber_id
    from {{ this }} as known
    where known.event_id = judged.event_id and {{ is_current('known') }}
    order by known.business_date desc, known.attempt_no desc
    limit 1
) as before on true
where before.event_id is null or before.subscriber_id is distinct from judged.subscriber_id
