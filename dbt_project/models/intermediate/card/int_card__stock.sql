-- codes of video cards that count, each content once
select
    received.code_reference,
    received.content_hash,
    received.code_length,
    received.platform,
    received.received_on,
    received.expires_on,
    received.cost_fen,
    received.holds,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_card__received_codes') }} as received
where not {{ is_withdrawn('received', 'card_stock') }}
