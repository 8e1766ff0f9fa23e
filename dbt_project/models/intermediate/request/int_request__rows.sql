-- The rows of every feed by which somebody asks for something, in one shape: what all of them say has one name, and
-- what only some say is null for the others. A feed that brings a new kind of request is one more branch.
--
-- `event_id` is the id of the row, `request_id` of what is asked: an order of a device has several events. What only
-- tells of a request (a reversal, a shipment) is none itself.
select
    'recharge' as feed,
    'recharge' as benefit,
    delivery_no,
    line_no as source_line,
    recharge_id as event_id,
    recharge_id as request_id,
    content_hash,
    kind as event,
    kind = 'RECHARGE' as is_request,
    subscriber_id,
    msisdn,
    recharged_at as requested_at,
    channel,
    hall_code,
    staff_id,
    null as item_code,
    null as family_msisdn,
    reverses_id,
    face_fen as price_fen,
    paid_fen
from {{ ref('stg_recharge__events') }}

union all

select
    'device_order' as feed,
    'devices' as benefit,
    delivery_no,
    line_no as source_line,
    event_id,
    order_id as request_id,
    content_hash,
    event,
    event = 'PAID' as is_request,
    subscriber_id,
    null as msisdn,
    event_at as requested_at,
    channel,
    hall_code,
    staff_id,
    sku as item_code,
    null as family_msisdn,
    null as reverses_id,
    list_price_fen as price_fen,
    paid_price_fen as paid_fen
from {{ ref('stg_device_order__events') }}

union all

select
    'family_request' as feed,
    'family_numbers' as benefit,
    delivery_no,
    line_no as source_line,
    request_id as event_id,
    request_id,
    content_hash,
    action as event,
    true as is_request,
    subscriber_id,
    null as msisdn,
    requested_at,
    channel,
    null as hall_code,
    staff_id,
    null as item_code,
    family_msisdn,
    null as reverses_id,
    null as price_fen,
    null as paid_fen
from {{ ref('stg_family_request__events') }}

union all

select
    'card_claim' as feed,
    'cards' as benefit,
    delivery_no,
    line_no as source_line,
    claim_id as event_id,
    claim_id as request_id,
    content_hash,
    'CLAIM' as event,
    true as is_request,
    subscriber_id,
    null as msisdn,
    claimed_at as requested_at,
    null as channel,
    null as hall_code,
    null as staff_id,
    platform as item_code,
    null as family_msisdn,
    null as reverses_id,
    null as price_fen,
    null as paid_fen
from {{ ref('stg_card_claim__claims') }}

union all

select
    'trial_application' as feed,
    'trials' as benefit,
    delivery_no,
    line_no as source_line,
    application_id as event_id,
    application_id as request_id,
    content_hash,
    'APPLICATION' as event,
    true as is_request,
    subscriber_id,
    null as msisdn,
    applied_at as requested_at,
    null as channel,
    null as hall_code,
    null as staff_id,
    trial_code as item_code,
    null as family_msisdn,
    null as reverses_id,
    null as price_fen,
    null as paid_fen
from {{ ref('stg_trial_application__applications') }}
