select
    campaign_id,
    budget_line,
    spent_fen
from {{ source('raw', 'budget_spent') }}
