-- Discounts of recharges, and those taken back by a reversal.
select
    {{ content_key(['grant_key', "'granted'"]) }} as entry_key,
    campaign_id,
    'RECHARGE_DISCOUNT' as benefit,
    'granted' as entry_type,
    grant_key,
    null::text as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    recharged_on as event_on,
    run_on as booked_on,
    -- what the channel took off, as far as it was due: more is an exception, less is made good apart
    least(entitled_fen, applied_fen) as amount_fen,
    null::integer as megabytes,
    'B2' as budget_line,
    0::bigint as committed_fen,
    least(entitled_fen, applied_fen) as actual_fen,
    0::bigint as liability_fen,
    discount_check as reason,
    'ASKED' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('recharge_decisions') }}
where reason = 'GRANTED'

union all

select
    {{ content_key(['grant_key', "'reversed'"]) }} as entry_key,
    campaign_id,
    'RECHARGE_DISCOUNT' as benefit,
    'reversed' as entry_type,
    grant_key,
    grant_key as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    reversed_on as event_on,
    run_on as booked_on,
    amount_fen,
    null::integer as megabytes,
    'B2' as budget_line,
    0::bigint as committed_fen,
    -amount_fen as actual_fen,
    0::bigint as liability_fen,
    'REVERSED' as reason,
    'UNDONE' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('recharge_reversals') }}
