-- claims of video cards as earlier runs decided them: waiting claims are decided again
select
    campaign_id,
    claim_id,
    subscriber_id,
    claimed_at,
    claimed_on,
    claimed_month,
    platform,
    content_hash,
    reason,
    grant_key,
    customer_id,
    city_code,
    tenure_band,
    terms_version,
    source_file,
    source_line,
    business_date,
    attempt_no
from {{ source('decided', 'card_decisions') }}
