select
    campaign_id,
    name as campaign_name,
    starts_on,
    ends_on,
    priority,
    control_share_bp,
    control_salt
from {{ source('raw', 'campaign') }}
