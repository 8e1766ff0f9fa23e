-- Where each snapshot ingested now differs from what was known of its date, one row per subscriber: its line, none if
-- the subscriber is no longer listed.
{{ config(materialized='ephemeral') }}

with dates as (
    select
        *,
        -- two dates ingested together: the second is compared with the first, not with what was known before
        case when is_previous_new then previous_date end as compared_with
    from {{ ref('int_subscriber__snapshot_dates') }}
    where is_new
),

-- what the next date ingested now is compared with, where the one before it is withdrawn
reverted as materialized (
    select distinct on (reverted.next_date, reverted.subscriber_id) reverted.*
    from {{ ref('int_subscriber__reverted') }} as reverted
    where reverted.is_next_new
    order by reverted.next_date asc, reverted.subscriber_id asc, reverted.state_on desc
),

delivered as (
    select distinct on (dates.business_date, snapshots.subscriber_id)
        dates.business_date,
        dates.delivery_no,
        snapshots.subscriber_id,
        snapshots.line_no,
        snapshots.state_hash
    from {{ ref('stg_subscriber__snapshots') }} as snapshots
    inner join dates on snapshots.delivery_no = dates.delivery_no
    order by dates.business_date asc, snapshots.subscriber_id asc, snapshots.line_no desc
),

known as (
    select
        reverted.next_date as business_date,
        reverted.subscriber_id,
        reverted.state_hash
    from reverted
    inner join dates on reverted.next_date = dates.business_date and dates.compared_with is null
    where reverted.is_present

    union all

    select
        as_known.business_date,
        as_known.subscriber_id,
        as_known.state_hash
    from (
        select distinct on (dates.business_date, history.subscriber_id)
            dates.business_date,
            history.subscriber_id,
            history.is_present,
            history.state_hash
        from dates
        inner join {{ ref('stg_decided__history') }} as history on dates.business_date >= history.state_on
        where dates.compared_with is null
        order by dates.business_date asc, history.subscriber_id asc, history.state_on desc, history.revision desc
    ) as as_known
    where
        as_known.is_present
        and not exists (
            select from reverted
            where
                reverted.next_date = as_known.business_date
                and reverted.subscriber_id = as_known.subscriber_id
        )

    union all

    select
        dates.business_date,
        delivered.subscriber_id,
        delivered.state_hash
    from dates
    inner join delivered on dates.compared_with = delivered.business_date
)

select
    coalesce(delivered.business_date, known.business_date) as business_date,
    coalesce(delivered.subscriber_id, known.subscriber_id) as subscriber_id,
    delivered.delivery_no,
    delivered.line_no
from delivered
full outer join known
    on delivered.business_date = known.business_date and delivered.subscriber_id = known.subscriber_id
where delivered.state_hash is distinct from known.state_hash
