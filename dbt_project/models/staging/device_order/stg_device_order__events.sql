select
    delivery_no,
    line_no,
    event_id,
    order_id,
    subscriber_id,
    event,
    {{ to_timestamp_shanghai('event_at') }} as event_at,
    sku,
    {{ to_fen('list_price_yuan', 'device_order') }} as list_price_fen,
    {{ to_fen('paid_price_yuan', 'device_order') }} as paid_price_fen,
    channel,
    hall_code,
    staff_id,
    -- two rows of one event id, or two payments of one order, with other content are a conflict
    {{ content_key([
        'order_id', 'subscriber_id', 'event', 'event_at', 'sku', 'list_price_yuan', 'paid_price_yuan', 'channel',
        'hall_code', 'staff_id'
    ]) }} as content_hash
from {{ source('raw', 'device_order') }}
