select
    delivery_no,
    line_no,
    response_id,
    subscriber_id,
    {{ to_timestamp_shanghai('sent_at') }} as sent_at,
    {{ to_timestamp_shanghai('answered_at') }} as answered_at,
    satisfaction::integer as satisfaction,
    recommend::integer as recommend,
    {{ without_numbers('benefit') }} as benefit,
    {{ content_key([
        'subscriber_id', 'sent_at', 'answered_at', 'satisfaction', 'recommend', 'benefit', 'text'
    ]) }} as content_hash
from {{ source('raw', 'survey') }}
