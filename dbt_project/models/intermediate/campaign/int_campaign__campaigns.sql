-- Campaigns as they run: each deciding model reads its days here. One that is not launched has no first day yet, so
-- that nothing is granted, listed or announced in it.
select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.starts_on as planned_starts_on,
    case
        when not campaigns.has_to_be_ready then campaigns.starts_on
        else coalesce(launches.starts_on, 'infinity'::date)
    end as starts_on,
    not campaigns.has_to_be_ready or launches.campaign_id is not null as is_launched,
    campaigns.ends_on,
    campaigns.announced_from,
    campaigns.warm_up_from,
    campaigns.follow_up_until,
    campaigns.priority,
    campaigns.control_share_bp,
    campaigns.control_salt
from {{ ref('stg_campaign__campaigns') }} as campaigns
left join {{ ref('int_campaign__launches') }} as launches on campaigns.campaign_id = launches.campaign_id
