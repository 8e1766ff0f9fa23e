-- every file that arrived, loaded or set aside
select
    delivery_no,
    feed,
    file_name,
    business_date,
    received_on,
    state,
    reason,
    detail,
    rows_received,
    rows_loaded,
    rows_set_aside
from {{ source('raw', 'delivery') }}
