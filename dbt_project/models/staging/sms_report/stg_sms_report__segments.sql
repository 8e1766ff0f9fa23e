select
    delivery_no,
    line_no,
    report_id,
    message_key,
    part::integer as segment_no,
    parts::integer as segments,
    state,
    error_code,
    {{ to_timestamp_shanghai('at') }} as reported_at,
    {{ content_key(['message_key', 'part', 'parts', 'state', 'error_code', 'at']) }} as content_hash
from {{ source('raw', 'sms_report') }}
