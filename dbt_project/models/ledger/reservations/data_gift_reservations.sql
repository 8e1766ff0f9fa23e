-- What this run's data gifts ask of the budget.
select
    gifts.campaign_id,
    'DATA_GIFT' as benefit,
    'B1' as budget_line,
    gifts.grant_key,
    gifts.subscriber_id,
    gifts.cost_fen as amount_fen,
    gifts.valid_from::timestamp as claimed_at,
    gifts.subscriber_id as claim_id,
    gifts.valid_to as useful_until
from {{ ref('data_gift_decisions') }} as gifts
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('gifts') }}
where gifts.reason = 'GRANTED'
