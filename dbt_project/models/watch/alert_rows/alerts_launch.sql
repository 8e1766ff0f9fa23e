-- Launches that were due in the last released run.
select
    campaigns.campaign_id,
    'LAUNCH_REFUSED' as alert_code,
    campaigns.planned_starts_on::text as place,
    'neither met nor waived: ' || string_agg(lines.line, ', ' order by lines.line) as what,
    campaigns.planned_starts_on + time '00:00' as since_at
from {{ ref('int_campaign__campaigns') }} as campaigns
inner join {{ ref('int_readiness__lines') }} as lines on campaigns.campaign_id = lines.campaign_id
where
    not campaigns.is_launched
    and not lines.is_ready
    and exists (
        select from {{ ref('stg_run__dates') }} as runs
        where
            runs.attempts_released > 0
            and runs.business_date + 1 between campaigns.planned_starts_on and campaigns.ends_on
    )
group by campaigns.campaign_id, campaigns.planned_starts_on
