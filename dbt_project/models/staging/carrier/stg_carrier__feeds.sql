select
    feed,
    kind = 'snapshot' as is_snapshot,
    is_daily
from {{ source('raw', 'feed') }}
