-- opt-outs and opt-ins that count, each once
select
    received.event_id,
    received.content_hash,
    received.subscriber_id,
    received.msisdn,
    received.opted_at,
    received.counts_from,
    received.action,
    received.via,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_optout__received') }} as received
where not {{ is_withdrawn('received', 'optout') }}
