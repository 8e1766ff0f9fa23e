select
    delivery_no,
    line_no,
    voucher_id,
    booked_on::date as booked_on,
    budget_line,
    {{ to_fen('amount_yuan', 'expense') }} as amount_fen,
    {{ without_numbers('memo') }} as memo,
    {{ content_key(['booked_on', 'budget_line', to_fen('amount_yuan', 'expense'), 'memo']) }} as content_hash
from {{ source('raw', 'expense') }}
