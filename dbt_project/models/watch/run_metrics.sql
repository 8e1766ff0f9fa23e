-- What each run did, one row per figure: rows in and quarantined, granted, sent, answered, money owed, seconds of each
-- step
{{ config(materialized='stable_view') }}

with received as (
    select
        received_on as business_date,
        'feed' as dimension,
        feed as member,
        sum(rows_received) as rows_received,
        sum(rows_quarantined) as rows_quarantined
    from {{ ref('stg_carrier__files') }}
    group by received_on, feed
),

sent as (
    select
        business_date,
        'interface' as dimension,
        interface as member,
        sum(row_count) as rows_sent
    from {{ ref('stg_outbox__files') }}
    group by business_date, interface
),

answered as (
    select
        answers.answered_on as business_date,
        'interface' as dimension,
        files.interface as member,
        sum(files.row_count) as rows_answered
    from {{ ref('stg_carrier__answers') }} as answers
    inner join {{ ref('stg_outbox__files') }} as files on answers.file_stem = files.file_stem
    group by answers.answered_on, files.interface
),

-- the last attempt at a date
figures as (
    select
        all_figures.*,
        rank() over (partition by all_figures.business_date order by all_figures.attempt_no desc) as attempts_later
    from {{ ref('run_figures') }} as all_figures
),

final as (
    select
        business_date,
        'rows_received' as metric,
        dimension,
        member,
        rows_received::numeric as amount
    from received
    union all
    select
        business_date,
        'rows_quarantined' as metric,
        dimension,
        member,
        rows_quarantined::numeric as amount
    from received
    union all
    select
        business_date,
        'rows_sent' as metric,
        dimension,
        member,
        rows_sent::numeric as amount
    from sent
    union all
    select
        business_date,
        'rows_answered' as metric,
        dimension,
        member,
        rows_answered::numeric as amount
    from answered
    union all
    select
        business_date,
        figure as metric,
        case figure
            when 'over_plan_fen' then 'budget_line'
            when 'granted_rows' then 'benefit'
            when 'owed_fen' then 'benefit'
            when 'open_fen' then 'benefit'
            else 'file'
        end as dimension,
        member,
        sum(amount)::numeric as amount
    from figures
    where attempts_later = 1
    group by business_date, figure, member
    union all
    select
        business_date,
        'step_seconds' as metric,
        'step' as dimension,
        step as member,
        sum(seconds)::numeric as amount
    from {{ ref('stg_run__steps') }}
    where seconds is not null and business_date is not null
    group by business_date, step
)

select * from final
