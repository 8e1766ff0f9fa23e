-- What each delivered snapshot changed, by the date it closes. The state of a subscriber on a date E is the row with
-- the greatest (state_on, revision) not after E. A correction of an older date adds rows with a higher revision; so
-- does a withdrawal: the date is then as the delivery before it said, and the next one as that delivery says.
{{ config(
    materialized='append_only',
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
        case when not neighbours.is_next_new then neighbours.next_date end as known_next_date,
        neighbours.next_date
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

-- deliveries withdrawn by what this run has read, which stood for their date and have no successor in this run
taken_away as materialized (
    select
        withdrawals.*,
        same_day.delivery_no as same_date_no,
        later_day.business_date as next_date,
        coalesce(later_day.is_new, false) as is_next_new
    from {{ ref('stg_carrier__withdrawals') }} as withdrawals
    inner join run on withdrawals.withdrawn_on = run.business_date and withdrawals.pass_no = run.pass_no
    left join deliveries as same_day on withdrawals.business_date = same_day.business_date
    left join lateral (
        select later.*
        from deliveries as later
        where later.business_date > withdrawals.business_date
        order by later.business_date
        limit 1
    ) as later_day on true
    where
        withdrawals.feed = 'subscriber'
        and same_day.is_new is not true
        and (
            same_day.delivery_no is null
            or exists (
                select from {{ ref('stg_carrier__deliveries') }} as same_date
                where
                    same_date.delivery_no = same_day.delivery_no
                    and (same_date.seq, same_date.delivery_no) < (withdrawals.seq, withdrawals.delivery_no)
            )
        )
),

-- of whoever their date said something new, what stands without it
reverted as materialized (
    select
        touched.subscriber_id,
        taken_away.business_date as state_on,
        taken_away.revision,
        taken_away.next_date,
        taken_away.is_next_new,
        coalesce(before.is_present, false) as is_present,
        before.msisdn,
        before.customer_id,
        before.city_code,
        before.activation_date,
        before.status,
        before.status_date,
        before.segment,
        before.card_role,
        before.real_name,
        before.port_in_date,
        before.owner_since,
        before.plan_code,
        before.sms_consent,
        before.state_hash,
        coalesce(before.source_file, taken_away.file_name) as source_file,
        before.source_line,
        (
            coalesce(before.is_present, false) <> coalesce(until_now.is_present, false)
            or before.state_hash is distinct from until_now.state_hash
        ) as is_other
    from taken_away
    inner join lateral (
        select distinct at_date.subscriber_id
        from {{ this }} as at_date
        where at_date.state_on = taken_away.business_date
    ) as touched on true
    left join lateral (
        select history.*
        from {{ this }} as history
        where history.subscriber_id = touched.subscriber_id and history.state_on <= taken_away.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as until_now on true
    left join lateral (
        select history.*
        from {{ this }} as history
        where
            history.subscriber_id = touched.subscriber_id
            and (
                -- a date of which no delivery stands is as the date before it
                (
                    history.state_on < taken_away.business_date
                    and history.state_on in (select deliveries.business_date from deliveries)
                )
                or (
                    history.state_on = taken_away.business_date
                    and history.revision < taken_away.delivery_no
                    and taken_away.same_date_no is not null
                )
            )
        order by history.state_on desc, history.revision desc
        limit 1
    ) as before on true
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
    -- what the next date taken in now is compared with, where the one before it is withdrawn
    select
        followed.next_date as business_date,
        followed.subscriber_id,
        followed.state_hash
    from (
        select distinct on (reverted.next_date, reverted.subscriber_id) reverted.*
        from reverted
        where reverted.is_next_new
        order by reverted.next_date asc, reverted.subscriber_id asc, reverted.state_on desc
    ) as followed
    inner join dates on followed.next_date = dates.business_date and dates.compared_with is null
    where followed.is_present

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
        inner join {{ this }} as history on dates.business_date >= history.state_on
        where dates.compared_with is null
        order by dates.business_date asc, history.subscriber_id asc, history.state_on desc, history.revision desc
    ) as as_known
    where
        as_known.is_present
        and not exists (
            select from reverted
            where
                reverted.is_next_new
                and reverted.next_date = as_known.business_date
                and reverted.subscriber_id = as_known.subscriber_id
        )

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

-- what is other than it was, by a delivery or without one
moved as materialized (
    select
        new_states.*,
        dates.next_date
    from new_states
    inner join dates on new_states.state_on = dates.business_date

    union all

    select
        subscriber_id,
        state_on,
        revision,
        is_present,
        msisdn,
        customer_id,
        city_code,
        activation_date,
        status,
        status_date,
        segment,
        card_role,
        real_name,
        port_in_date,
        owner_since,
        plan_code,
        sms_consent,
        state_hash,
        source_file,
        source_line,
        next_date
    from reverted
    where is_other
),

-- a later date of which no delivery stands any more is as the one before it, also when that changes
followers as materialized (
    select distinct on (moved.subscriber_id, emptied.business_date)
        moved.subscriber_id,
        emptied.business_date as state_on,
        moved.revision,
        moved.is_present,
        moved.msisdn,
        moved.customer_id,
        moved.city_code,
        moved.activation_date,
        moved.status,
        moved.status_date,
        moved.segment,
        moved.card_role,
        moved.real_name,
        moved.port_in_date,
        moved.owner_since,
        moved.plan_code,
        moved.sms_consent,
        moved.state_hash,
        moved.source_file,
        moved.source_line
    from (
        select distinct withdrawals.business_date
        from {{ ref('stg_carrier__withdrawals') }} as withdrawals
        where
            withdrawals.feed = 'subscriber'
            and withdrawals.business_date not in (select deliveries.business_date from deliveries)
    ) as emptied
    inner join moved
        on emptied.business_date > moved.state_on and emptied.business_date < coalesce(moved.next_date, 'infinity')
    where
        exists (
            select from {{ this }} as history
            where history.subscriber_id = moved.subscriber_id and history.state_on = emptied.business_date
        )
    order by moved.subscriber_id asc, emptied.business_date asc, moved.state_on desc
),

-- nor does a withdrawn one: what the next delivery said stands
kept as (
    select
        history.subscriber_id,
        reverted.next_date as state_on,
        reverted.revision,
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
    from reverted
    inner join lateral (
        select states.*
        from {{ this }} as states
        where states.subscriber_id = reverted.subscriber_id and states.state_on <= reverted.next_date
        order by states.state_on desc, states.revision desc
        limit 1
    ) as history on true
    where reverted.is_other and not reverted.is_next_new and history.state_on < reverted.next_date
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
        union all
        select * from kept
        union all
        select * from followers
        union all
        select
            subscriber_id,
            state_on,
            revision,
            is_present,
            msisdn,
            customer_id,
            city_code,
            activation_date,
            status,
            status_date,
            segment,
            card_role,
            real_name,
            port_in_date,
            owner_since,
            plan_code,
            sms_consent,
            state_hash,
            source_file,
            source_line
        from reverted
        where
            is_other
            and not exists (
                select from followers
                where followers.subscriber_id = reverted.subscriber_id and followers.state_on = reverted.state_on
            )
    ) as states
    cross join run
)

select * from final
order by subscriber_id, state_on
