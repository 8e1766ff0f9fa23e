-- Subsidies of devices, and those taken back by a return.
select
    {{ content_key(['grant_key', "'granted'"]) }} as entry_key,
    campaign_id,
    'DEVICE' as benefit,
    'granted' as entry_type,
    grant_key,
    null::text as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    ordered_on as event_on,
    funded_on as booked_on,
    -- what the shop took off, up to what was due: more is an exception, less is made good separately
    least(entitled_fen, applied_fen) as amount_fen,
    null::integer as megabytes,
    'B3' as budget_line,
    0::bigint as committed_fen,
    least(entitled_fen, applied_fen) as actual_fen,
    0::bigint as liability_fen,
    price_check as reason,
    'ASKED' as participation,
    terms_version,
    source_file,
    source_line
from {{ funded_grants('device_decisions') }} as granted

union all

select
    {{ content_key(['changes_key', "'returned'"]) }} as entry_key,
    campaign_id,
    'DEVICE' as benefit,
    'returned' as entry_type,
    changes_key as grant_key,
    changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    returned_on as event_on,
    business_date as booked_on,
    amount_fen,
    null::integer as megabytes,
    'B3' as budget_line,
    0::bigint as committed_fen,
    -amount_fen as actual_fen,
    0::bigint as liability_fen,
    reason,
    'UNDONE' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('device_returns') }}
