-- States that this run has to add, without what they say: the line of the snapshot that says it, or the state that is
-- copied (is_copy); neither where the subscriber is not listed.
{{ config(materialized='ephemeral') }}

with dates as (
    select * from {{ ref('int_subscriber__snapshot_dates') }}
),

-- states that differ from before, by a delivery or without one
moved as materialized (
    select
        changes.subscriber_id,
        dates.business_date as state_on,
        dates.delivery_no as revision,
        dates.file_name,
        changes.delivery_no,
        changes.line_no,
        false as is_copy,
        null::date as copied_on,
        null::integer as copied_revision,
        false as is_reverted,
        dates.next_date,
        dates.is_next_new
    from {{ ref('int_subscriber__changes') }} as changes
    inner join dates on changes.business_date = dates.business_date

    union all

    select
        subscriber_id,
        state_on,
        revision,
        file_name,
        null as delivery_no,
        null as line_no,
        copied_on is not null as is_copy,
        copied_on,
        copied_revision,
        true as is_reverted,
        next_date,
        is_next_new
    from {{ ref('int_subscriber__reverted') }}
    where is_other
),

-- it does not reach into the next date, which had been delivered in full
kept as (
    select
        moved.subscriber_id,
        moved.next_date as state_on,
        moved.revision,
        moved.file_name,
        null::integer as delivery_no,
        null::bigint as line_no,
        true as is_copy,
        history.state_on as copied_on,
        history.revision as copied_revision
    from moved
    inner join lateral (
        select states.*
        from {{ ref('stg_decided__history') }} as states
        where states.subscriber_id = moved.subscriber_id and states.state_on <= moved.next_date
        order by states.state_on desc, states.revision desc
        limit 1
    ) as history on true
    where moved.next_date is not null and not moved.is_next_new and history.state_on < moved.next_date
),

-- but a later date with no delivery left is as the one before it, even when that changes
followers as materialized (
    select distinct on (moved.subscriber_id, emptied.business_date)
        moved.subscriber_id,
        emptied.business_date as state_on,
        moved.revision,
        moved.file_name,
        moved.delivery_no,
        moved.line_no,
        moved.is_copy,
        moved.copied_on,
        moved.copied_revision
    from (
        select distinct withdrawals.business_date
        from {{ ref('stg_carrier__withdrawals') }} as withdrawals
        where
            withdrawals.feed = 'subscriber'
            and withdrawals.business_date not in (select dates.business_date from dates)
    ) as emptied
    inner join moved
        on emptied.business_date > moved.state_on and emptied.business_date < coalesce(moved.next_date, 'infinity')
    where
        exists (
            select from {{ ref('stg_decided__history') }} as history
            where history.subscriber_id = moved.subscriber_id and history.state_on = emptied.business_date
        )
    order by moved.subscriber_id asc, emptied.business_date asc, moved.state_on desc
)

select
    subscriber_id,
    state_on,
    revision,
    file_name,
    delivery_no,
    line_no,
    is_copy,
    copied_on,
    copied_revision
from moved
where
    not is_reverted
    or not exists (
        select from followers
        where followers.subscriber_id = moved.subscriber_id and followers.state_on = moved.state_on
    )
union all
select * from kept
union all
select * from followers
