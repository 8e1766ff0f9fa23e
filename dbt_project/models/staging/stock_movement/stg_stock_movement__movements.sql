select
    delivery_no,
    line_no,
    movement_id,
    item,
    kind as item_kind,
    {{ to_timestamp_shanghai('at') }} as moved_at,
    quantity::bigint as quantity,
    {{ to_fen('unit_cost_yuan', 'stock_movement') }} as unit_cost_fen,
    coalesce(hall_code, 'STORE') as hall_code,
    {{ content_key([
        'item', 'kind', 'at', 'quantity', to_fen('unit_cost_yuan', 'stock_movement'), 'hall_code'
    ]) }} as content_hash
from {{ source('raw', 'stock_movement') }}
