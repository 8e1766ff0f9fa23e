-- Who qualifies and why not, by city and first reason, as of the date that this run opens.
with run as (
    select * from {{ ref('stg_run__current') }}
),

latest as (
    select distinct on (statuses.campaign_id, statuses.subscriber_id)
        statuses.campaign_id,
        statuses.subscriber_id,
        statuses.city_code,
        statuses.reason
    from {{ ref('int_eligibility__statuses') }} as statuses
    order by statuses.campaign_id asc, statuses.subscriber_id asc, statuses.judged_for desc, statuses.attempt_no desc
),

final as (
    select
        latest.campaign_id,
        run.next_date as judged_for,
        coalesce(latest.city_code, 'unknown') as city_code,
        latest.reason,
        count(*) as subscribers
    from latest
    cross join run
    group by latest.campaign_id, run.next_date, latest.city_code, latest.reason
)

select * from final
