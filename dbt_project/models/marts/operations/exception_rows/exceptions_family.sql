-- Requests for a family number whose id came with other content.
select
    null::text as campaign_id,
    'FAMILY_CONFLICT' as exception_type,
    events.run_on as found_on,
    events.subscriber_id,
    events.request_id as item_key,
    null::bigint as amount_fen,
    events.source_file,
    events.source_line,
    'the same request id with other content: ' || events.action || ' ' || events.family_msisdn as detail,
    'Ask the channel what was wanted and for a request under an id of its own; this row counts for nothing.'
        as what_to_do
from {{ ref('int_family_request__events') }} as events
where events.is_conflict
