-- The launch of each campaign with readiness lines (rules, 11): in the first run in which each line is met or waived,
-- from the run that closes the day before its first day on. It is launched for the next day; nothing is made up for
-- days before.
{{ config(materialized='append_only') }}

select
    campaigns.campaign_id,
    run.next_date as starts_on,
    count(lines.line) as lines_needed,
    count(lines.line) filter (where lines.is_met) as lines_met,
    count(lines.line) filter (where not lines.is_met) as lines_waived
from {{ ref('stg_campaign__campaigns') }} as campaigns
cross join {{ ref('stg_run__current') }} as run
left join {{ ref('int_readiness__lines') }} as lines on campaigns.campaign_id = lines.campaign_id
where
    campaigns.has_to_be_ready
    and run.next_date between campaigns.starts_on and campaigns.ends_on
    and not exists (
        select from {{ this }} as launched
        where launched.campaign_id = campaigns.campaign_id and {{ is_current('launched') }}
    )
group by campaigns.campaign_id, run.next_date
having coalesce(bool_and(lines.is_ready), true)
