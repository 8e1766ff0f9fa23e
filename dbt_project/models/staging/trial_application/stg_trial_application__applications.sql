select
    delivery_no,
    line_no,
    application_id,
    subscriber_id,
    {{ to_timestamp_shanghai('applied_at') }} as applied_at,
    trial_code
from {{ source('raw', 'trial_application') }}
