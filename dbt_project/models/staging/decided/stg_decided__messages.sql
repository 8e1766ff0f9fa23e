-- messages of earlier runs: nobody gets the same one twice
select
    message_key,
    business_date,
    attempt_no
from {{ source('decided', 'messages') }}
