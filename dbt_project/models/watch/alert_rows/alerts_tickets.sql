-- Faults that subscribers reported, per benefit and day.
select
    null::text as campaign_id,
    'FAULT_REPORTED' as alert_code,
    tickets.benefit || ' ' || tickets.first_event_at::date as place,
    count(*) || ' tickets are not closed: ' || string_agg(tickets.ticket_id, ', ' order by tickets.ticket_id) as what,
    min(tickets.first_event_at) as since_at
from {{ ref('tickets') }} as tickets
where tickets.ticket_kind = 'FAULT' and tickets.state <> 'CLOSED'
group by tickets.benefit, tickets.first_event_at::date
