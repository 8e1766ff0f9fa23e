select
    step_no,
    -- steps for the whole campaign have no date of their own
    case when step not in ('watch', 'report', 'archive') then business_date end as business_date,
    step,
    ended_at at time zone 'Asia/Shanghai' as ended_at,
    seconds,
    failure
from {{ source('raw', 'step') }}
