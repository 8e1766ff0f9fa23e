-- what happened to orders of devices and counts, each content once
select
    event_id,
    content_hash,
    is_conflict,
    request_id as order_id,
    subscriber_id,
    event,
    requested_at as event_at,
    requested_on as event_on,
    item_code as sku,
    price_fen as list_price_fen,
    paid_fen as paid_price_fen,
    channel,
    hall_code,
    staff_id,
    file_business_date,
    source_file,
    source_line,
    business_date,
    attempt_no
from {{ ref('int_request__events') }}
where feed = 'device_order'
