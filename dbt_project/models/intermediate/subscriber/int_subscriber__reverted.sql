-- Deliveries withdrawn in this run that counted for their date and have no successor in it: for each subscriber about
-- whom they said something new, the state that holds without it.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

deliveries as (
    select * from {{ ref('int_subscriber__snapshot_dates') }}
),

taken_away as materialized (
    select
        withdrawals.*,
        same_day.delivery_no as same_date_no,
        later_day.business_date as next_date,
        coalesce(later_day.is_new, false) as is_next_new
    from {{ ref('stg_carrier__withdrawals') }} as withdrawals
    inner join run on withdrawals.withdrawn_on = run.business_date and withdrawals.attempt_no = run.attempt_no
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
)

select
    touched.subscriber_id,
    taken_away.business_date as state_on,
    taken_away.revision,
    taken_away.file_name,
    taken_away.next_date,
    taken_away.is_next_new,
    coalesce(before.is_present, false) as is_present,
    before.state_hash,
    before.state_on as copied_on,
    before.revision as copied_revision,
    (
        coalesce(before.is_present, false) <> coalesce(until_now.is_present, false)
        or before.state_hash is distinct from until_now.state_hash
    ) as is_other
from taken_away
inner join lateral (
    select distinct at_date.subscriber_id
    from {{ ref('stg_decided__history') }} as at_date
    where at_date.state_on = taken_away.business_date
) as touched on true
left join lateral (
    select history.*
    from {{ ref('stg_decided__history') }} as history
    where history.subscriber_id = touched.subscriber_id and history.state_on <= taken_away.business_date
    order by history.state_on desc, history.revision desc
    limit 1
) as until_now on true
left join lateral (
    select history.*
    from {{ ref('stg_decided__history') }} as history
    where
        history.subscriber_id = touched.subscriber_id
        and (
            -- a date with no delivery left is as the date before it
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
