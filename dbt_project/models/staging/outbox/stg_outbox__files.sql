select
    file_stem,
    campaign_id,
    interface,
    run_on,
    seq,
    rows as row_count,
    delivered_at
from {{ source('outbox', 'file') }}
