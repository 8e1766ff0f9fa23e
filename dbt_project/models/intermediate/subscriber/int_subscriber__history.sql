-- What each delivered snapshot changed, by the date it closes. The state of a subscriber on a date E is the row with
-- the greatest (state_on, revision) not after E. A correction of an older date adds rows with a higher revision.
{{ config(
    materialized='incremental',
    indexes=[
        {'columns': ['msisdn']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

deliveries as (
    select
        deliveries.delivery_no,
        deliveries.business_date,
        deliveries.file_name,
        deliveries.received_on = run.business_date and deliveries.pass_no = run.pass_no as is_new
    from {{ ref('stg_carrier__deliveries') }} as deliveries
    cross join run
    where deliveries.feed = 'subscriber' and deliveries.is_last_of_date
),

-- each date taken in now, with the delivery before it and after it; what an earlier pass of this run's date took in is
-- known already
dates as (
    select
        neighbours.business_date,
        neighbours.delivery_no,
        neighbours.file_name,
        -- two dates taken in together: the second is compared with the first, not with what was known before
        case when neighbours.is_previous_new then neighbours.previous_date end as compared_with,
        case when not neighbours.is_next_new then neighbours.next_date end as known_next_date
    from (
        select
            *,
            lag(business_date) over (order by business_date) as previous_date,
            lag(is_new) over (order by business_date) as is_previous_new,
            lead(business_date) over (order by business_date) as next_date,
            lead(is_new) over (order by business_date) as is_next_new
        from deliveries
    ) as neighbours
    where neighbours.is_new
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
        inner join {{ this }} as history on dates.business_date >= history.state_on
        where dates.compared_with is null
        order by dates.business_date asc, history.subscriber_id asc, history.state_on desc, history.revision desc
    ) as as_known
    where as_known.is_present

    union all

    select
        dates.business_date,
        delivered.subscriber_id,
        delivered.state_hash
    from dates
    inner join delivered on dates.compared_with = delivered.business_date
),

changed as (
    select
        coalesce(delivered.business_date, known.business_date) as business_date,
        coalesce(delivered.subscriber_id, known.subscriber_id) as subscriber_id,
        delivered.delivery_no,
        delivered.line_no
    from delivered
    full outer join known
        on delivered.business_date = known.business_date and delivered.subscriber_id = known.subscriber_id
    where delivered.state_hash is distinct from known.state_hash
),

new_states as (
    select
        changed.subscriber_id,
        dates.business_date as state_on,
        dates.delivery_no as revision,
        delivered.subscriber_id is not null as is_present,
        delivered.msisdn,
        delivered.customer_id,
        delivered.city_code,
        delivered.activation_date,
        delivered.status,
        delivered.status_date,
        delivered.segment,
        delivered.card_role,
        delivered.real_name,
        delivered.port_in_date,
        delivered.owner_since,
        delivered.plan_code,
        delivered.sms_consent,
        delivered.state_hash,
        dates.file_name as source_file,
        delivered.line_no as source_line
    from changed
    inner join dates on changed.business_date = dates.business_date
    left join {{ ref('stg_subscriber__snapshots') }} as delivered
        on changed.delivery_no = delivered.delivery_no and changed.line_no = delivered.line_no
),

-- a corrected older date does not reach into the next date, which had been delivered in full
asserted_again as (
    select
        history.subscriber_id,
        dates.known_next_date as state_on,
        dates.delivery_no as revision,
        history.is_present,
        history.msisdn,
        history.customer_id,
        history.city_code,
        history.activation_date,
        history.status,
        history.status_date,
        history.segment,
        history.card_role,
        history.real_name,
        history.port_in_date,
        history.owner_since,
        history.plan_code,
        history.sms_consent,
        history.state_hash,
        history.source_file,
        history.source_line
    from changed
    inner join dates on changed.business_date = dates.business_date
    inner join lateral (
        select states.*
        from {{ this }} as states
        where states.subscriber_id = changed.subscriber_id and states.state_on <= dates.known_next_date
        order by states.state_on desc, states.revision desc
        limit 1
    ) as history on true
    where dates.known_next_date is not null and history.state_on < dates.known_next_date
),

final as (
    select
        states.*,
        run.business_date as run_on,
        run.pass_no
    from (
        select * from new_states
        union all
        select * from asserted_again
    ) as states
    cross join run
)

select * from final
order by subscriber_id, state_on
