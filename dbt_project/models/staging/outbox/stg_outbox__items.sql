select
    file_stem,
    line_no,
    campaign_id,
    interface,
    item_key,
    answer_key,
    subscriber_id,
    business_date,
    benefit,
    budget_line,
    amount_fen,
    committed_fen,
    liability_fen
from {{ source('outbox', 'item') }}
