-- What ends a request that was granted, whatever its benefit: its recharge is reversed, its device returned, or the row
-- withdrawn that was decided. A withdrawal undoes what was granted under the keys of until then alone (life_id), and
-- leaves no decision that holds; after a reversal or a return the decision stays, and holds no slot any more.
select
    'recharge' as feed,
    recharge_id as request_id,
    null as life_id,
    reversal_id as undone_by,
    reversed_on as undone_on,
    'REVERSED' as reason,
    false as is_withdrawal,
    source_file,
    source_line,
    seen_on,
    run_on,
    pass_no
from {{ ref('int_recharge__reversals') }}

union all

select
    'device_order' as feed,
    order_id as request_id,
    null as life_id,
    event_id as undone_by,
    returned_on as undone_on,
    'RETURNED' as reason,
    false as is_withdrawal,
    source_file,
    source_line,
    seen_on,
    run_on,
    pass_no
from {{ ref('int_device_order__returns') }}

union all

select
    feed,
    request_id,
    life_id,
    request_id as undone_by,
    run_on as undone_on,
    because as reason,
    true as is_withdrawal,
    source_file,
    source_line,
    run_on as seen_on,
    run_on,
    pass_no
from {{ ref('int_request__voids') }}
