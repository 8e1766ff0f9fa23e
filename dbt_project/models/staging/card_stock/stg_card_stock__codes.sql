select
    delivery_no,
    line_no,
    code as code_reference,
    code_length::integer as code_length,
    platform,
    received_on::date as received_on,
    expires_on::date as expires_on,
    {{ to_fen('cost_yuan', 'card_stock') }} as cost_fen,
    {{ content_key([
        'platform', 'received_on::date', 'expires_on::date', to_fen('cost_yuan', 'card_stock')
    ]) }} as content_hash
from {{ source('raw', 'card_stock') }}
