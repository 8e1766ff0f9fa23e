-- Applications for trials that came with two contents.
select
    decisions.campaign_id,
    'TRIAL_APPLICATION_CONFLICT' as exception_type,
    decisions.run_on as found_on,
    decisions.subscriber_id,
    decisions.application_id as item_key,
    null::bigint as amount_fen,
    decisions.source_file,
    decisions.source_line,
    'the same application id with other content' as detail,
    'Ask the carrier which is true: the first row holds; a true application needs an id of its own.' as what_to_do
from {{ ref('trial_decisions') }} as decisions
where decisions.reason = 'CONFLICT'
