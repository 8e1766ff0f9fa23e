select history.*
from {{ ref('int_subscriber__history') }} as history
where
    history.subscriber_id = last_listing_as_of.of_subscriber
    and history.state_on <= last_listing_as_of.as_of
    and history.is_present
    and (history.msisdn is not null or not last_listing_as_of.with_number)
order by history.state_on desc, history.revision desc
limit 1
