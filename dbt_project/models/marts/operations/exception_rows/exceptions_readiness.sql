-- What blocks a launch that is due.
select
    campaigns.campaign_id,
    'LAUNCH_REFUSED' as exception_type,
    run.business_date as found_on,
    null::text as subscriber_id,
    lines.line as item_key,
    null::bigint as amount_fen,
    lines.source_file,
    lines.source_line,
    'needed ' || lines.needed || ', there ' || lines.there || ': ' || lines.detail || coalesce(
        '; ' || lines.responsible || ' (' || lines.team || ') answers for it', ''
    ) as detail,
    'Make it ready, or waive the line by a manual override; until then nothing is granted.' as what_to_do
from {{ ref('int_campaign__campaigns') }} as campaigns
inner join {{ ref('stg_run__current') }} as run
    on run.next_date between campaigns.planned_starts_on and campaigns.ends_on
inner join {{ ref('int_readiness__lines') }} as lines on campaigns.campaign_id = lines.campaign_id
where not campaigns.is_launched and not lines.is_ready
