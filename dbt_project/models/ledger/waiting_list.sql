-- Each grant that has ever waited for a budget line, once: since when, and when it was given at last or
-- withdrawn.
{{ config(materialized='stable_view') }}

select
    waits.grant_key,
    waits.campaign_id,
    waits.benefit,
    waits.budget_line,
    waits.subscriber_id,
    waits.amount_fen,
    waits.claimed_at,
    waits.claim_id,
    waits.useful_until,
    waits.run_on as waits_since,
    waits.pass_no as waits_pass_no,
    case when ended.state = 'FREED' then ended.run_on end as freed_on,
    case when ended.state = 'FREED' then ended.pass_no end as freed_pass_no,
    case when ended.state = 'WITHDRAWN' then ended.run_on end as withdrawn_on
from {{ ref('budget_waits') }} as waits
left join {{ ref('budget_waits') }} as ended on waits.grant_key = ended.grant_key and ended.state <> 'CAP'
where waits.state = 'CAP'
