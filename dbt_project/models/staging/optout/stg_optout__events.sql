select
    delivery_no,
    line_no,
    event_id,
    msisdn,
    subscriber_id,
    {{ to_timestamp_shanghai('at') }} as opted_at,
    action,
    via,
    {{ content_key(['msisdn', 'subscriber_id', 'at', 'action', 'via']) }} as content_hash
from {{ source('raw', 'optout') }}
