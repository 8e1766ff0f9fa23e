-- Grants that wait for a capped line of the budget.
select
    waits.campaign_id,
    'WAITING_FOR_BUDGET' as exception_type,
    waits.waiting_since as found_on,
    waits.subscriber_id,
    waits.grant_key as item_key,
    waits.amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    'CAP: line ' || waits.budget_line || ' has no room for the ' || waits.benefit || ' of ' || waits.claim_id
        as detail,
    'Nothing, if the cap is meant: it is given in its order when money is freed. '
    || 'Else raise the cap by a new version of the terms.' as what_to_do
from {{ ref('waiting_list') }} as waits
cross join {{ ref('stg_run__current') }} as run
where
    waits.funded_on is null
    and waits.withdrawn_on is null
    and (waits.useful_until is null or waits.useful_until >= run.next_date)
