-- Figures of the last run that a person has to look at.
with last_attempt as (
    select
        business_date,
        attempt_no
    from {{ ref('run_figures') }}
    order by business_date desc, attempt_no desc
    limit 1
)

select
    figures.campaign_id,
    case figures.figure
        when 'over_plan_fen' then 'BUDGET_OVER_PLAN'
        when 'orphan_reversal_rows' then 'ORPHAN_REVERSAL'
        when 'low_card_stock_codes' then 'CARD_STOCK_LOW'
        else 'RECHARGE_CONFLICT'
    end as alert_code,
    figures.member
    || case when figures.figure = 'over_plan_fen' then to_char(figures.since_on, ' YYYY-MM') else '' end as place,
    case figures.figure
        when 'over_plan_fen' then 'promised and paid pass the plan of the month'
        when 'orphan_reversal_rows' then 'reversals of this file name recharges that have not arrived'
        when 'low_card_stock_codes'
            then figures.amount || ' codes are left: too few for the month, or for the claims that wait'
        else 'recharge ids of this file stand twice, with other content'
    end as what,
    figures.since_on + time '00:00' as since_at
from {{ ref('run_figures') }} as figures
inner join
    last_attempt
    on figures.business_date = last_attempt.business_date and figures.attempt_no = last_attempt.attempt_no
where figures.figure in ('over_plan_fen', 'orphan_reversal_rows', 'recharge_conflict_rows', 'low_card_stock_codes')
