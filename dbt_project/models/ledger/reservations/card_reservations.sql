-- What this run's video cards ask of the budget. The code that a card was given stays with it while it waits.
select
    decisions.campaign_id,
    'CARD' as benefit,
    'B4' as budget_line,
    decisions.grant_key,
    decisions.subscriber_id,
    decisions.cost_fen as amount_fen,
    decisions.claimed_at,
    decisions.claim_id,
    decisions.expires_on as useful_until
from {{ ref('card_decisions') }} as decisions
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('decisions') }}
where decisions.reason = 'GRANTED'
