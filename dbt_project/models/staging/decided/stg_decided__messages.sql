-- messages of earlier runs: nobody is told the same twice
select
    message_key,
    business_date,
    attempt_no
from {{ source('decided', 'messages') }}
