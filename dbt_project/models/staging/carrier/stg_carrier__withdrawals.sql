-- deliveries that people have withdrawn; that attempt reverses what followed from their rows before
select
    delivery_no,
    feed,
    file_name,
    business_date,
    seq,
    rows_loaded,
    withdrawn_on,
    attempt_no,
    revision,
    withdrawal_reason
from {{ source('raw', 'withdrawal') }}
