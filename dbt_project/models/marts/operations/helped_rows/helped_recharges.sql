-- Recharges at halls: granted there, or with a discount taken off that was not due. A reversed one was no help; if a
-- number was recharged and reversed repeatedly each is an error.
with decided as (
    select
        decisions.campaign_id,
        decisions.hall_code,
        decisions.staff_id,
        decisions.subscriber_id,
        decisions.recharge_id,
        decisions.recharged_on,
        decisions.reason,
        decisions.discount_check,
        row_number() over (
            partition by decisions.campaign_id, decisions.recharge_id
            order by decisions.business_date desc, decisions.attempt_no desc
        ) = 1 as is_last,
        reversals.recharge_id as reversed_id
    from {{ ref('recharge_decisions') }} as decisions
    left join {{ ref('int_recharge__reversals') }} as reversals on decisions.recharge_id = reversals.recharge_id
    where
        decisions.channel = 'HALL'
        and not {{ is_void('decisions', 'recharge', 'recharge_id') }}
),

marked as (
    select
        decided.*,
        min(decided.reversed_id) over same_hands as first_reversed_id,
        max(decided.reversed_id) over same_hands as last_reversed_id
    from decided
    window same_hands as (
        partition by decided.campaign_id, decided.subscriber_id, decided.hall_code, decided.staff_id
    )
)

select
    campaign_id,
    hall_code,
    staff_id,
    subscriber_id,
    recharged_on as helped_on,
    reason = 'GRANTED' and reversed_id is null as is_business,
    reversed_id is not null or discount_check in ('OVER', 'NOT_ENTITLED') as is_error
from marked
where
    (reversed_id is null and (reason = 'GRANTED' or discount_check in ('OVER', 'NOT_ENTITLED')))
    or (reversed_id is not null and is_last and first_reversed_id <> last_reversed_id)
