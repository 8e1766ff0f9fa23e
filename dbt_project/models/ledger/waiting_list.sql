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
    waits.business_date as waiting_since,
    waits.attempt_no as waiting_attempt_no,
    case when ended.state = 'FREED' then ended.business_date end as funded_on,
    case when ended.state = 'FREED' then ended.attempt_no end as funded_attempt_no,
    case when ended.state = 'WITHDRAWN' then ended.business_date end as withdrawn_on
from {{ ref('budget_waits') }} as waits
left join {{ ref('budget_waits') }} as ended on waits.grant_key = ended.grant_key and ended.state <> 'CAP'
where waits.state = 'CAP'
