-- Live discounted recharges of one subscriber, tier and month never pass the limit under which they were granted.
-- Checked for those to whom this run granted one.
with run as (
    select * from {{ ref('stg_run__current') }}
),

granted_now as (
    select distinct
        decisions.campaign_id,
        decisions.subscriber_id,
        decisions.tier_face_fen,
        decisions.recharged_month
    from {{ ref('recharge_decisions') }} as decisions
    inner join run on decisions.business_date = run.business_date
    where decisions.reason = 'GRANTED'
),

live as (
    select
        granted_now.*,
        granted.limit_per_tier_month
    from granted_now
    inner join {{ ref('recharge_decisions') }} as granted
        on
            granted_now.subscriber_id = granted.subscriber_id
            and granted_now.recharged_month = granted.recharged_month
            and granted_now.tier_face_fen = granted.tier_face_fen
            and granted_now.campaign_id = granted.campaign_id
    left join {{ ref('int_recharge__reversals') }} as reversals on granted.recharge_id = reversals.recharge_id
    where
        granted.reason = 'GRANTED'
        and reversals.recharge_id is null
        and not {{ is_void('granted', 'recharge', 'recharge_id') }}
)

select
    campaign_id,
    subscriber_id,
    tier_face_fen,
    recharged_month,
    count(*) as live_grants
from live
group by campaign_id, subscriber_id, tier_face_fen, recharged_month
having count(*) > max(limit_per_tier_month)
