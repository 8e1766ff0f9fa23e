select
    step_no,
    -- what looks at the whole campaign works on no date of its own
    case when step not in ('watch', 'report', 'archive') then business_date end as business_date,
    step,
    ended_at at time zone 'Asia/Shanghai' as ended_at,
    seconds,
    failure
from {{ source('raw', 'step') }}
