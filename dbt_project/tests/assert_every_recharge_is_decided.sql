-- No recharge that this run saw is left without a decision, in any campaign.
select
    campaigns.campaign_id,
    events.recharge_id
from {{ ref('int_recharge__events') }} as events
inner join {{ ref('stg_run__current') }} as run on events.business_date = run.business_date
cross join {{ ref('stg_campaign__campaigns') }} as campaigns
where
    events.kind = 'RECHARGE'
    and not exists (
        select from {{ ref('recharge_decisions') }} as decisions
        where decisions.recharge_id = events.recharge_id and decisions.campaign_id = campaigns.campaign_id
    )
