select states.*
from (
    select distinct holding.subscriber_id
    from {{ ref('int_subscriber__history') }} as holding
    where holding.msisdn = holder_as_of.of_msisdn
) as mentioned
cross join lateral {{ function('state_as_of') }}(mentioned.subscriber_id, holder_as_of.as_of) as states
where states.is_present and states.msisdn = holder_as_of.of_msisdn and states.status in ('A', 'S')
order by states.status asc, states.status_date desc nulls last, states.subscriber_id asc
limit 1
