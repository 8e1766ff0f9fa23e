-- Memberships, as they begin and end; they cost nothing.
select
    {{ content_key(['grant_key', "case action when 'ADD' then 'granted' else 'ended' end"]) }} as entry_key,
    campaign_id,
    'MEMBERSHIP' as benefit,
    case action when 'ADD' then 'granted' else 'ended' end as entry_type,
    grant_key,
    changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    effective_on as event_on,
    run_on as booked_on,
    0::bigint as amount_fen,
    null::integer as megabytes,
    'B4' as budget_line,
    0::bigint as committed_fen,
    0::bigint as actual_fen,
    0::bigint as liability_fen,
    reason,
    -- whoever returns took part already
    case when reason = 'QUALIFIED' then 'AUTOMATIC' end as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('membership_changes') }}
