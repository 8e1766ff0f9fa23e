-- What this run's trials ask of the budget.
select
    decisions.campaign_id,
    'TRIAL' as benefit,
    'B4' as budget_line,
    decisions.grant_key,
    decisions.subscriber_id,
    decisions.cost_fen as amount_fen,
    decisions.applied_at as claimed_at,
    decisions.application_id as claim_id,
    null::date as useful_until
from {{ ref('trial_decisions') }} as decisions
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('decisions') }}
where decisions.reason = 'GRANTED'
