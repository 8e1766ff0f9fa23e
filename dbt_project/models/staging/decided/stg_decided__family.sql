-- requests for family numbers, and links that ended, as earlier runs decided them
select
    decision_key,
    campaign_id,
    action,
    request_id,
    reason,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    effective_at,
    family_msisdn,
    family_subscriber_id,
    link_key,
    terms_version,
    source_file,
    source_line,
    business_date,
    attempt_no
from {{ source('decided', 'family_decisions') }}
