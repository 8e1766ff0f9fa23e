-- the one row that says which business date is being closed, in which attempt, and which date was closed before it
select
    current_run.business_date,
    current_run.business_date + 1 as next_date,
    current_run.attempt_no,
    -- what is decided stays, even after a second attempt
    current_run.is_retry and current_run.state = 'DECIDING' as is_retry,
    coalesce(
        (
            select max(runs.business_date)
            from {{ source('raw', 'run') }} as runs
            where runs.business_date < current_run.business_date and runs.attempts_released > 0
        ),
        current_run.business_date - 1
    ) as previous_date
from {{ source('raw', 'current_run') }} as current_run
