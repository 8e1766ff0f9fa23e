select
    delivery_no,
    line_no,
    report_id,
    message_key,
    part::integer as part_no,
    parts::integer as parts,
    state,
    error_code,
    {{ to_timestamp_shanghai('at') }} as reported_at
from {{ source('raw', 'sms_report') }}
