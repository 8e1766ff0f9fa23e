-- what happened to tickets and counts, each event once
select
    received.event_id,
    received.content_hash,
    received.ticket_id,
    received.subscriber_id,
    received.event,
    received.ticket_kind,
    received.benefit,
    received.happened_at,
    received.staff_id,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_ticket__received') }} as received
where not {{ is_withdrawn('received', 'ticket') }}
