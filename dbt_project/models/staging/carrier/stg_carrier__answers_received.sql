-- every answer that arrived, even unreadable ones and duplicates
select
    answer_no,
    file_stem,
    interface,
    status,
    received_on,
    code as file_code,
    state,
    reason,
    detail
from {{ source('raw', 'answer') }}
