-- ticket events that count, each once
select received.*
from {{ ref('int_ticket__received') }} as received
where not {{ is_withdrawn('received', 'ticket') }}
