-- What this run's devices ask of the budget: the subsidy, made good or taken off.
select
    decisions.campaign_id,
    'DEVICE' as benefit,
    'B3' as budget_line,
    decisions.grant_key,
    decisions.subscriber_id,
    decisions.entitled_fen as amount_fen,
    decisions.ordered_at as claimed_at,
    decisions.order_id as claim_id,
    null::date as useful_until
from {{ ref('device_decisions') }} as decisions
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('decisions') }}
where decisions.reason = 'GRANTED'
