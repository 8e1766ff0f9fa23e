select
    delivery_no,
    line_no,
    sku,
    brand,
    model,
    {{ to_fen('list_price_yuan', 'device_catalogue') }} as list_price_fen,
    listed_from::date as listed_from,
    listed_to::date as listed_to
from {{ source('raw', 'device_catalogue') }}
