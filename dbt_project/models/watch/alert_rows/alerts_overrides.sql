-- Overrides that wait for a second person; a changed campaign file among them: nobody has asked for it yet.
select
    null::text as campaign_id,
    case waiting.kind when 'CAMPAIGN_CHANGED' then 'CAMPAIGN_CHANGED' else 'OVERRIDE_PENDING' end as alert_code,
    waiting.override as place,
    waiting.says || coalesce(', asked for by ' || waiting.requested_by || ': ' || waiting.justification, '') as what,
    waiting.requested_at as since_at
from {{ ref('stg_people__pending_overrides') }} as waiting
cross join {{ ref('stg_run__clock') }} as clock
where coalesce(waiting.expires_at > clock.as_of, true)
