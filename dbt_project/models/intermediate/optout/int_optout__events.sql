-- opt-outs and opt-ins that count, each once
select received.*
from {{ ref('int_optout__received') }} as received
where not {{ is_withdrawn('received', 'optout') }}
