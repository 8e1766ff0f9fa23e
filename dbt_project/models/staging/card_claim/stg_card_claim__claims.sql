select
    delivery_no,
    line_no,
    claim_id,
    subscriber_id,
    {{ to_timestamp_shanghai('claimed_at') }} as claimed_at,
    platform,
    {{ content_key(['subscriber_id', to_timestamp_shanghai('claimed_at'), 'platform']) }} as content_hash
from {{ source('raw', 'card_claim') }}
