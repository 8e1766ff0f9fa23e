select
    campaign_id,
    interface,
    item_key,
    answer_key,
    subscriber_id,
    benefit,
    budget_line,
    amount_fen,
    committed_fen,
    liability_fen,
    missing_columns,
    business_date
from {{ source('outbox', 'incomplete_row') }}
