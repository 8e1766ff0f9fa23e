-- messages of earlier runs: nobody is told the same twice
select
    message_key,
    run_on,
    pass_no
from {{ source('decided', 'messages') }}
