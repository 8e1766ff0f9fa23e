select history.*
from {{ ref('int_subscriber__history') }} as history
where history.subscriber_id = state_as_of.of_subscriber and history.state_on <= state_as_of.as_of
order by history.state_on desc, history.revision desc
limit 1
