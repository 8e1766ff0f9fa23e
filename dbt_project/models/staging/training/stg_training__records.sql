select
    delivery_no,
    line_no,
    record_id,
    staff_id,
    hall_code,
    course,
    held_on::date as held_on,
    passed = 'Y' as is_passed,
    {{ content_key(['staff_id', 'hall_code', 'course', 'held_on', 'passed']) }} as content_hash
from {{ source('raw', 'training') }}
