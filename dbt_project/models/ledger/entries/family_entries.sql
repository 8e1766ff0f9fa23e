-- Family numbers: each link when it begins and when it ends. They cost the campaign nothing.
select
    {{ content_key(['grant_key', "case action when 'ADD' then 'granted' else 'ended' end"]) }} as entry_key,
    campaign_id,
    'FAMILY_NUMBER' as benefit,
    case action when 'ADD' then 'granted' else 'ended' end as entry_type,
    grant_key,
    case when action <> 'ADD' then link_key end as changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    effective_at::date as event_on,
    business_date as booked_on,
    0::bigint as amount_fen,
    null::integer as megabytes,
    null::text as budget_line,
    0::bigint as committed_fen,
    0::bigint as actual_fen,
    0::bigint as liability_fen,
    reason,
    case action when 'ADD' then 'ASKED' else 'UNDONE' end as participation,
    terms_version,
    source_file,
    source_line
from {{ ref('family_decisions') }}
where grant_key is not null
