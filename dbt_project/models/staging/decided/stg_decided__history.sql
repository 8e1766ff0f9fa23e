-- states of subscribers, as earlier runs knew them
select
    subscriber_id,
    state_on,
    revision,
    is_present,
    state_hash
from {{ source('known', 'int_subscriber__history') }}
