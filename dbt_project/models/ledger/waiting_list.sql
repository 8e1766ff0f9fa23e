-- Each grant that has ever waited for a budget line, once: since when, and when it was given at last.
{{ config(materialized='view') }}

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
    freed.run_on as freed_on,
    freed.pass_no as freed_pass_no
from {{ ref('budget_waits') }} as waits
left join {{ ref('budget_waits') }} as freed on waits.grant_key = freed.grant_key and freed.state = 'FREED'
where waits.state = 'CAP'
