-- Releases that were refused, steps that failed, and the first date that is late.
with refused as (
    select
        'RELEASE_REFUSED' as alert_code,
        refusals.business_date::text as place,
        refusals.checks_failed || ' checks failed: ' || refusals.detail as what,
        coalesce(runs.started_at, refusals.business_date + time '00:00') as since_at
    from {{ ref('stg_run__refusals') }} as refusals
    inner join {{ ref('stg_run__dates') }} as runs
        on refusals.business_date = runs.business_date and refusals.attempt_no > runs.attempts_released
),

last_steps as (
    select distinct on (step, business_date) *
    from {{ ref('stg_run__steps') }}
    order by step asc, business_date asc, step_no desc
),

failed as (
    select
        'STEP_FAILED' as alert_code,
        last_steps.step || coalesce(' ' || last_steps.business_date, '') as place,
        last_steps.failure as what,
        last_steps.ended_at as since_at
    from last_steps
    where
        last_steps.failure is not null
        and not (
            last_steps.step = 'release'
            and last_steps.business_date::text in (select refused.place from refused)
        )
),

due_dates as (
    select
        business_date,
        min(run_due_at) as run_due_at
    from {{ ref('due_dates') }}
    group by business_date
    having bool_or(is_run_due)
),

-- dates are closed in order: the first that is late holds up the others
unfinished as (
    select
        'RUN_NOT_FINISHED' as alert_code,
        due_dates.business_date::text as place,
        case
            when runs.business_date is null then 'the run was never begun'
            when runs.started_at > runs.released_at or runs.released_at is null then 'the run is not released'
            else 'the files are not delivered'
        end as what,
        due_dates.run_due_at as since_at
    from due_dates
    left join {{ ref('stg_run__dates') }} as runs on due_dates.business_date = runs.business_date
    where
        runs.delivered_at is null
        and not exists (
            select from {{ ref('stg_run__dates') }} as later
            where later.business_date > due_dates.business_date and later.delivered_at is not null
        )
    order by due_dates.business_date
    limit 1
),

final as (
    select * from refused
    union all
    select * from failed
    union all
    select * from unfinished
)

select
    null::text as campaign_id,
    final.*
from final
