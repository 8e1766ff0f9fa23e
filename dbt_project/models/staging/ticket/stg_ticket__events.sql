select
    delivery_no,
    line_no,
    event_id,
    ticket_id,
    subscriber_id,
    event,
    kind as ticket_kind,
    {{ without_numbers('benefit') }} as benefit,
    {{ to_timestamp_shanghai('at') }} as happened_at,
    staff_id,
    {{ content_key([
        'ticket_id', 'subscriber_id', 'event', 'kind', 'benefit', 'at', 'staff_id', 'text'
    ]) }} as content_hash
from {{ source('raw', 'ticket') }}
