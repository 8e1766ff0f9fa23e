-- Subscribers whose activation date is bad, or was corrected.
select
    statuses.campaign_id,
    'BAD_DATE' as exception_type,
    statuses.business_date as found_on,
    statuses.subscriber_id,
    null::text as item_key,
    null::bigint as amount_fen,
    statuses.source_file,
    statuses.source_line,
    'activation date missing, in the future, or before the carrier was founded' as detail,
    'Have the activation date corrected in the subscriber feed.' as what_to_do
from {{ ref('int_eligibility__statuses') }} as statuses
where 'BAD_DATE' = any(statuses.reasons)

union all

select
    gifted.campaign_id,
    'ACTIVATION_CORRECTED' as exception_type,
    corrections.business_date as found_on,
    corrections.subscriber_id,
    null::text as item_key,
    null::bigint as amount_fen,
    corrections.source_file,
    corrections.source_line,
    coalesce(corrections.activation_date_before::text, 'none') || ' became '
    || coalesce(corrections.activation_date_after::text, 'none') as detail,
    'Review what was granted; nothing is taken back by itself.' as what_to_do
from {{ ref('int_subscriber__corrections') }} as corrections
inner join lateral (
    select statuses.campaign_id
    from {{ ref('int_eligibility__statuses') }} as statuses
    where statuses.subscriber_id = corrections.subscriber_id and statuses.is_eligible
    group by statuses.campaign_id
) as gifted on true
