select
    business_date,
    attempts_released,
    started_at at time zone 'Asia/Shanghai' as started_at,
    released_at at time zone 'Asia/Shanghai' as released_at,
    delivered_at at time zone 'Asia/Shanghai' as delivered_at
from {{ source('raw', 'run') }}
