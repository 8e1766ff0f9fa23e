-- What was planned, promised and paid, by budget line and month of booking, with a row TOTAL for each month.
with plan as (
    select
        campaign_id,
        budget_line,
        month,
        plan_fen,
        0::bigint as committed_fen,
        0::bigint as actual_fen
    from {{ ref('stg_campaign__budget') }}
),

booked as (
    select
        campaign_id,
        budget_line,
        date_trunc('month', booked_on)::date as month,
        0::bigint as plan_fen,
        sum(committed_fen)::bigint as committed_fen,
        sum(actual_fen)::bigint as actual_fen
    from {{ ref('ledger_entries') }}
    -- what costs nothing stands in no line
    where budget_line is not null
    group by campaign_id, budget_line, date_trunc('month', booked_on)
),

lines as (
    select * from plan
    union all
    select * from booked
),

final as (
    select
        campaign_id,
        case when grouping(budget_line) = 1 then 'TOTAL' else budget_line end as budget_line,
        month,
        sum(plan_fen)::bigint as plan_fen,
        sum(committed_fen)::bigint as committed_fen,
        sum(actual_fen)::bigint as actual_fen,
        sum(plan_fen - committed_fen - actual_fen)::bigint as variance_fen
    from lines
    group by campaign_id, month, rollup (budget_line)
)

select * from final
