select
    delivery_no,
    line_no,
    application_id,
    subscriber_id,
    {{ to_timestamp_shanghai('applied_at') }} as applied_at,
    trial_code,
    {{ content_key(['subscriber_id', to_timestamp_shanghai('applied_at'), 'trial_code']) }} as content_hash
from {{ source('raw', 'trial_application') }}
