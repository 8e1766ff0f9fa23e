-- Movements of stock that were set aside.
select
    null::text as campaign_id,
    'STOCK_BELOW_ZERO' as exception_type,
    movements.run_on as found_on,
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
where movements.reason = 'BELOW_ZERO'
