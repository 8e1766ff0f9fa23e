-- Discounts of recharges, and those taken back by a reversal. One that waited for the budget is booked when given.
select
    {{ content_key(['decisions.grant_key', "'granted'"]) }} as entry_key,
    decisions.campaign_id,
    'RECHARGE_DISCOUNT' as benefit,
    'granted' as entry_type,
    decisions.grant_key,
    null::text as changes_key,
    decisions.subscriber_id,
    decisions.customer_id,
    decisions.city_code,
    decisions.tenure_band,
    decisions.recharged_on as event_on,
    decisions.funded_on as booked_on,
    -- what the channel took off, up to what was due: more is an exception, less is made good separately
    least(decisions.entitled_fen, decisions.applied_fen) as amount_fen,
    null::integer as megabytes,
    'B2' as budget_line,
    0::bigint as committed_fen,
    least(decisions.entitled_fen, decisions.applied_fen) as actual_fen,
    0::bigint as liability_fen,
    decisions.discount_check as reason,
    'ASKED' as participation,
    decisions.terms_version,
    decisions.source_file,
    decisions.source_line
from {{ funded_grants('recharge_decisions') }} as decisions

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
    business_date as booked_on,
    amount_fen,
    null::integer as megabytes,
    'B2' as budget_line,
    0::bigint as committed_fen,
    -amount_fen as actual_fen,
    0::bigint as liability_fen,
    reason,
    'UNDONE' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('recharge_reversals') }}
