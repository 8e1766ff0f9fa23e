select
    campaign_id,
    month
from {{ ref('budget_by_line_month') }}
group by campaign_id, month
having
    sum(plan_fen) filter (where budget_line = 'TOTAL') <> sum(plan_fen) filter (where budget_line <> 'TOTAL')
    or sum(committed_fen) filter (where budget_line = 'TOTAL')
    <> sum(committed_fen) filter (where budget_line <> 'TOTAL')
    or sum(actual_fen) filter (where budget_line = 'TOTAL') <> sum(actual_fen) filter (where budget_line <> 'TOTAL')
