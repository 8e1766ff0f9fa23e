-- What ends a granted request, of any benefit: its recharge is reversed, its device returned, or the decided row
-- withdrawn. A withdrawal undoes only what was granted under the keys until then (life_id), and no decision holds any
-- longer; after a reversal or a return the decision stays, but no longer holds a slot.
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
    business_date,
    attempt_no
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
    business_date,
    attempt_no
from {{ ref('int_device_order__returns') }}

union all

select
    feed,
    request_id,
    life_id,
    request_id as undone_by,
    business_date as undone_on,
    withdrawal_reason as reason,
    true as is_withdrawal,
    source_file,
    source_line,
    business_date as seen_on,
    business_date,
    attempt_no
from {{ ref('int_request__voids') }}

union all

-- a card that waits for the budget goes with its claim, though a code that was issued stays and its decision with it
select
    received.feed,
    received.request_id,
    null as life_id,
    received.request_id as undone_by,
    withdrawn.withdrawn_on as undone_on,
    withdrawn.withdrawal_reason as reason,
    true as is_withdrawal,
    received.source_file,
    received.source_line,
    withdrawn.withdrawn_on as seen_on,
    withdrawn.withdrawn_on as business_date,
    withdrawn.attempt_no
from {{ ref('stg_carrier__withdrawals') }} as withdrawn
inner join {{ ref('int_request__received') }} as received
    on
        withdrawn.feed = received.feed
        and withdrawn.file_name = received.source_file
        and (received.business_date, received.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
where withdrawn.feed = 'card_claim'
