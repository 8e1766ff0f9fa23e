-- What a promised credit ends by: the recharge that it was promised for was reversed, the device returned, or the row
-- withdrawn that was decided. A withdrawal ends what was promised under the keys of until then alone (life_id).
select
    'RECHARGE' as promised_for,
    recharge_id,
    null::text as life_id,
    reversal_id,
    reversed_on,
    'REVERSED' as reason,
    source_file,
    source_line,
    seen_on
from {{ ref('int_recharge__reversals') }}

union all

select
    'RECHARGE' as promised_for,
    recharge_id,
    life_id,
    recharge_id as reversal_id,
    run_on as reversed_on,
    because as reason,
    source_file,
    source_line,
    run_on as seen_on
from {{ ref('int_recharge__voids') }}

union all

select
    'DEVICE' as promised_for,
    order_id as recharge_id,
    null::text as life_id,
    event_id as reversal_id,
    returned_on as reversed_on,
    'REVERSED' as reason,
    source_file,
    source_line,
    seen_on
from {{ ref('int_device_order__returns') }}

union all

select
    'DEVICE' as promised_for,
    order_id as recharge_id,
    life_id,
    order_id as reversal_id,
    run_on as reversed_on,
    because as reason,
    source_file,
    source_line,
    run_on as seen_on
from {{ ref('int_device_order__voids') }}
