-- Trials that were granted on an application withdrawn since.
select
    granted.campaign_id,
    'TRIAL_WITHDRAWN' as exception_type,
    voids.business_date as found_on,
    granted.subscriber_id,
    granted.application_id as item_key,
    granted.cost_fen as amount_fen,
    voids.source_file,
    voids.source_line,
    'the application is withdrawn, but the trial was granted on ' || granted.funded_on as detail,
    'Have the trial ended at the carrier, and settle its cost: no file takes it back.' as what_to_do
from {{ ref('int_request__voids') }} as voids
inner join {{ funded_grants('trial_decisions') }} as granted
    on
        voids.request_id = granted.application_id
        and voids.feed = 'trial_application'
        and (granted.funded_on, granted.funded_attempt_no) < (voids.business_date, voids.attempt_no)
