-- Recharges at halls: granted there, or with a discount taken off that was not due.
select
    decisions.campaign_id,
    decisions.hall_code,
    decisions.staff_id,
    decisions.subscriber_id,
    decisions.recharged_on as helped_on,
    decisions.reason = 'GRANTED' as is_business,
    decisions.discount_check in ('OVER', 'NOT_ENTITLED') as is_error
from {{ ref('recharge_decisions') }} as decisions
where
    decisions.channel = 'HALL'
    and (decisions.reason = 'GRANTED' or decisions.discount_check in ('OVER', 'NOT_ENTITLED'))
