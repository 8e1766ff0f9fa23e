select lists.delivery_no
from {{ ref('stg_carrier__deliveries') }} as lists
where lists.feed = list_known_on.of_feed and lists.is_last_of_date and lists.business_date <= list_known_on.as_of
order by lists.business_date desc
limit 1
