-- What this run's recharges ask of the budget: the discount, made good or taken off, and the whole bonus.
select
    decisions.campaign_id,
    'RECHARGE_DISCOUNT' as benefit,
    'B2' as budget_line,
    decisions.grant_key,
    decisions.subscriber_id,
    decisions.entitled_fen + decisions.bonus_fen as amount_fen,
    decisions.recharged_at as claimed_at,
    decisions.recharge_id as claim_id,
    null::date as useful_until
from {{ ref('recharge_decisions') }} as decisions
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('decisions') }}
where decisions.reason = 'GRANTED'
