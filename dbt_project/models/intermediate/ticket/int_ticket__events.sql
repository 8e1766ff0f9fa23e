-- what happened to tickets and counts, each event once
select received.*
from {{ ref('int_ticket__received') }} as received
where not {{ is_withdrawn('received', 'ticket') }}
