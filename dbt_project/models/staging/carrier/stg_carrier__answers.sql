select
    answer_no,
    file_stem,
    interface,
    status,
    received_on as answered_on,
    code as file_code
from {{ source('raw', 'answer') }}
where state = 'LOADED'
