-- Devices sold at halls: with the discount granted, or with one taken off that was not due. A returned one was no help.
select
    decisions.campaign_id,
    decisions.hall_code,
    decisions.staff_id,
    decisions.subscriber_id,
    decisions.ordered_on as helped_on,
    decisions.reason = 'GRANTED' and returned.order_id is null as is_business,
    decisions.price_check in ('OVER', 'NOT_ENTITLED') as is_error
from {{ ref('device_decisions') }} as decisions
left join {{ ref('int_device_order__returns') }} as returned on decisions.order_id = returned.order_id
where
    decisions.channel = 'HALL'
    and not {{ is_void('decisions', 'device_order', 'order_id') }}
    and (
        (decisions.reason = 'GRANTED' and returned.order_id is null)
        or decisions.price_check in ('OVER', 'NOT_ENTITLED')
    )
