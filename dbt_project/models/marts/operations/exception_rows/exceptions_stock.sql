-- Movements of stock that were quarantined; stock that went out under a receipt that was withdrawn since.
select
    null::text as campaign_id,
    'STOCK_BELOW_ZERO' as exception_type,
    movements.business_date as found_on,
    null::text as subscriber_id,
    movements.movement_id as item_key,
    null::bigint as amount_fen,
    movements.source_file,
    movements.source_line,
    movements.quantity || ' of ' || movements.item || ' at ' || movements.hall_code || ', of which '
    || movements.on_hand || ' were on hand' as detail,
    'Count the stock; have what came in before delivered, then this movement again under an id of its own.'
        as what_to_do
from {{ ref('stock_movements') }} as movements
where movements.reason = 'BELOW_ZERO' and not {{ is_withdrawn('movements', 'stock_movement') }}

union all

select
    null::text as campaign_id,
    'STOCK_NOT_RECEIVED' as exception_type,
    max(movements.business_date) as found_on,
    null::text as subscriber_id,
    movements.item as item_key,
    null::bigint as amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    movements.hall_code || ' gave out ' || -sum(movements.quantity) || ' of ' || movements.item
    || ' more than came in: what brought it was withdrawn' as detail,
    'Count the stock, and have what came in delivered.' as what_to_do
from {{ ref('stock_movements') }} as movements
where movements.reason = 'COUNTED' and not {{ is_withdrawn('movements', 'stock_movement') }}
group by movements.item, movements.item_kind, movements.hall_code
having sum(movements.quantity) < 0
