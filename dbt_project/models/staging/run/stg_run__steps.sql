select
    step_no,
    business_date,
    step,
    ended_at at time zone 'Asia/Shanghai' as ended_at,
    seconds,
    failure
from {{ source('raw', 'step') }}
