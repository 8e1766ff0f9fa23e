select
    delivery_no,
    line_no,
    record_id,
    system,
    kind as test_kind,
    {{ to_timestamp_shanghai('run_at') }} as tested_at,
    result,
    report_ref,
    {{ content_key(['system', 'kind', 'run_at', 'result', 'report_ref']) }} as content_hash
from {{ source('raw', 'system_test') }}
