-- Live discounted recharges of one subscriber, tier and month never pass the limit under which they were granted.
select
    granted.campaign_id,
    granted.subscriber_id,
    granted.tier_face_fen,
    granted.recharged_month,
    count(*) as live_grants
from {{ ref('recharge_decisions') }} as granted
where
    granted.reason = 'GRANTED'
    and not exists (
        select from {{ ref('int_recharge__reversals') }} as reversals
        where reversals.recharge_id = granted.recharge_id
    )
    and granted.recharged_month in (
        select touched.recharged_month
        from {{ ref('recharge_decisions') }} as touched
        inner join {{ ref('stg_run__current') }} as run on touched.run_on = run.business_date
    )
group by granted.campaign_id, granted.subscriber_id, granted.tier_face_fen, granted.recharged_month
having count(*) > max(granted.limit_per_tier_month)
