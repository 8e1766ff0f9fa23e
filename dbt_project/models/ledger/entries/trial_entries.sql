-- Trials, as promised; the carrier's answers settle them.
select
    {{ content_key(['grant_key', "'promised'"]) }} as entry_key,
    campaign_id,
    'TRIAL' as benefit,
    'promised' as entry_type,
    grant_key,
    null::text as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    applied_on as event_on,
    run_on as booked_on,
    cost_fen as amount_fen,
    null::integer as megabytes,
    'B4' as budget_line,
    cost_fen as committed_fen,
    0::bigint as actual_fen,
    0::bigint as liability_fen,
    trial_code as reason,
    'ASKED' as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('trial_decisions') }}
where reason = 'GRANTED'
