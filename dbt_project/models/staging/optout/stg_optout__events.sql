select
    delivery_no,
    line_no,
    event_id,
    msisdn,
    subscriber_id,
    {{ to_timestamp_shanghai('at') }} as opted_at,
    action,
    via
from {{ source('raw', 'optout') }}
