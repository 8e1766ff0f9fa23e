-- what happened to orders of devices and counts, each content once
select
    received.event_id,
    received.content_hash,
    received.is_conflict,
    received.order_id,
    received.subscriber_id,
    received.event,
    received.event_at,
    received.event_on,
    received.sku,
    received.list_price_fen,
    received.paid_price_fen,
    received.channel,
    received.hall_code,
    received.staff_id,
    received.file_business_date,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_device_order__received') }} as received
where not {{ is_withdrawn('received', 'device_order') }}
