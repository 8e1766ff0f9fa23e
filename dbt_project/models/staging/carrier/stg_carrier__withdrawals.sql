-- deliveries that people have withdrawn; what was made of their rows before that pass is reversed by it
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
