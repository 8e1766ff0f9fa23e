select
    campaign_id,
    budget_line,
    month,
    plan_fen
from {{ source('raw', 'campaign_budget') }}
