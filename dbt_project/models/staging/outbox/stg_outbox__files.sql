select
    file_stem,
    campaign_id,
    interface,
    business_date,
    seq,
    rows as row_count,
    delivered_at
from {{ source('outbox', 'file') }}
