-- Family numbers that were removed by a request that was withdrawn since.
select
    removed.campaign_id,
    'FAMILY_REMOVE_WITHDRAWN' as exception_type,
    voids.business_date as found_on,
    removed.subscriber_id,
    removed.request_id as item_key,
    null::bigint as amount_fen,
    voids.source_file,
    voids.source_line,
    'the request to take a number out is withdrawn, but it has left to the carrier' as detail,
    'Have the number added again by a request under an id of its own.' as what_to_do
from {{ ref('int_request__voids') }} as voids
inner join {{ ref('family_decisions') }} as removed
    on
        voids.request_id = removed.request_id
        and voids.feed = 'family_request'
        and removed.reason = 'REMOVED'
        and (removed.business_date, removed.attempt_no) < (voids.business_date, voids.attempt_no)
