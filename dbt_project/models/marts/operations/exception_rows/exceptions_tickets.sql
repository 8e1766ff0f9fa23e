-- Faults that subscribers reported, for technology, until they are closed.
select
    null::text as campaign_id,
    'FAULT_REPORTED' as exception_type,
    tickets.seen_on as found_on,
    tickets.subscriber_id,
    tickets.ticket_id as item_key,
    null::bigint as amount_fen,
    tickets.source_file,
    tickets.source_line,
    'fault of ' || tickets.benefit || coalesce(', opened ' || to_char(tickets.opened_at, 'YYYY-MM-DD HH24:MI'), '')
    || ', ' || lower(tickets.state) as detail,
    'Find and mend it, then answer and close the ticket.' as what_to_do
from {{ ref('tickets') }} as tickets
where tickets.ticket_kind = 'FAULT' and tickets.state <> 'CLOSED'
