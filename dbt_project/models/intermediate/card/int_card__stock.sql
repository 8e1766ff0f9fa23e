-- codes of video cards that count, each content once
select received.*
from {{ ref('int_card__received_codes') }} as received
where not {{ is_withdrawn('received', 'card_stock') }}
