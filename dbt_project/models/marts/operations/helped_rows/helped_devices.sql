-- Devices sold at halls: with the discount granted, or with one taken off that was not due.
select
    decisions.campaign_id,
    decisions.hall_code,
    decisions.staff_id,
    decisions.subscriber_id,
    decisions.ordered_on as helped_on,
    decisions.reason = 'GRANTED' as is_business,
    decisions.price_check in ('OVER', 'NOT_ENTITLED') as is_error
from {{ ref('device_decisions') }} as decisions
where
    decisions.channel = 'HALL'
    and (decisions.reason = 'GRANTED' or decisions.price_check in ('OVER', 'NOT_ENTITLED'))
