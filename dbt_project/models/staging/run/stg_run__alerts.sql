select
    alert_no,
    alert_code,
    severity,
    campaign_id,
    place,
    what,
    since_at,
    closed_at at time zone 'Asia/Shanghai' as closed_at
from {{ source('raw', 'alert') }}
