select
    refused.answer_no,
    refused.line_no,
    refused.answer_key,
    refused.code,
    refused.message,
    codes.outcome
from {{ source('raw', 'answer_row') }} as refused
inner join {{ source('raw', 'answer_code') }} as codes on refused.code = codes.code
