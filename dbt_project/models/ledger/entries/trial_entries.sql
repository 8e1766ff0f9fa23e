-- Trials, as promised; the carrier's answers settle them. One whose application was withdrawn is no longer a trial of
-- the campaign; its cost stays until a person has it ended, since the carrier's file cannot take one back.
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
    funded_on as booked_on,
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
from {{ funded_grants('trial_decisions') }} as granted

union all

select
    {{ content_key(['granted.grant_key', "'withdrawn'"]) }} as entry_key,
    granted.campaign_id,
    'TRIAL' as benefit,
    'reversed' as entry_type,
    granted.grant_key,
    granted.grant_key as changes_key,
    granted.subscriber_id,
    granted.customer_id,
    granted.city_code,
    granted.tenure_band,
    voids.business_date as event_on,
    voids.business_date as booked_on,
    0::bigint as amount_fen,
    null::integer as megabytes,
    'B4' as budget_line,
    0::bigint as committed_fen,
    0::bigint as actual_fen,
    0::bigint as liability_fen,
    voids.withdrawal_reason as reason,
    'UNDONE' as participation,
    granted.terms_version,
    voids.source_file,
    voids.source_line
from {{ funded_grants('trial_decisions') }} as granted
inner join lateral (
    select found.*
    from {{ ref('int_request__voids') }} as found
    where
        found.request_id = granted.application_id
        and found.feed = 'trial_application'
        and (granted.funded_on, granted.funded_attempt_no) < (found.business_date, found.attempt_no)
    order by found.business_date, found.attempt_no
    limit 1
) as voids on true
