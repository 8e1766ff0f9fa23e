-- Video cards: the cost of a code is booked as it is issued.
select
    {{ content_key(['grant_key', "'granted'"]) }} as entry_key,
    campaign_id,
    'CARD' as benefit,
    'granted' as entry_type,
    grant_key,
    null::text as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    claimed_on as event_on,
    run_on as booked_on,
    cost_fen as amount_fen,
    null::integer as megabytes,
    'B4' as budget_line,
    0::bigint as committed_fen,
    cost_fen as actual_fen,
    0::bigint as liability_fen,
    platform as reason,
    'ASKED' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('card_decisions') }}
where reason = 'GRANTED'
