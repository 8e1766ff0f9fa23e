-- The state of each order, one row per order: its furthest event, in whatever order they came.
select
    order_id,
    max(subscriber_id) as subscriber_id,
    max(sku) as sku,
    max(channel) as channel,
    max(hall_code) as hall_code,
    min(event_at) filter (where event = 'PAID') as paid_at,
    min(event_at) filter (where event = 'SHIPPED') as shipped_at,
    min(event_at) filter (where event = 'DELIVERED') as delivered_at,
    min(event_at) filter (where event = 'RETURNED') as returned_at,
    case max(array_position(array['PAID', 'SHIPPED', 'DELIVERED', 'RETURNED'], event))
        when 1 then 'PAID'
        when 2 then 'SHIPPED'
        when 3 then 'DELIVERED'
        else 'RETURNED'
    end as order_state,
    min(business_date) as seen_on,
    min(source_file) as source_file
from {{ ref('int_device_order__events') }}
where not is_conflict
group by order_id
