-- every answer that arrived, also those that could not be read or came twice
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
