select
    delivery_no,
    line_no,
    request_id,
    subscriber_id,
    {{ to_timestamp_shanghai('requested_at') }} as requested_at,
    action,
    family_msisdn,
    channel,
    staff_id,
    -- two rows of one request id with other content are a conflict
    {{ content_key([
        'subscriber_id', 'requested_at', 'action', 'family_msisdn', 'channel', 'staff_id'
    ]) }} as content_hash
from {{ source('raw', 'family_request') }}
