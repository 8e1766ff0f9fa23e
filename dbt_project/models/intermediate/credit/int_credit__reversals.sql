-- What a promised credit ends by: the recharge that it was promised for was reversed, or the device returned.
select
    'RECHARGE' as promised_for,
    recharge_id,
    reversal_id,
    reversed_on,
    source_file,
    source_line,
    seen_on
from {{ ref('int_recharge__reversals') }}

union all

select
    'DEVICE' as promised_for,
    order_id as recharge_id,
    event_id as reversal_id,
    returned_on as reversed_on,
    source_file,
    source_line,
    seen_on
from {{ ref('int_device_order__returns') }}
