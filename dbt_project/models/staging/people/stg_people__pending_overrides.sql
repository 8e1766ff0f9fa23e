-- overrides that wait for a second person, and changes of a campaign file after the launch that nobody has requested
select
    override,
    kind,
    says,
    requested_by,
    requested_at at time zone 'Asia/Shanghai' as requested_at,
    justification,
    expires_at at time zone 'Asia/Shanghai' as expires_at
from {{ source('raw', 'pending_override') }}

union all

select
    campaign_id || ' ' || file_sha256 as override,
    'CAMPAIGN_CHANGED' as kind,
    'change-campaign ' || campaign_id || ' ' || file_sha256 as says,
    null::text as requested_by,
    since + time '00:00' as requested_at,
    null::text as justification,
    null::timestamp as expires_at
from {{ source('raw', 'campaign_change') }}
