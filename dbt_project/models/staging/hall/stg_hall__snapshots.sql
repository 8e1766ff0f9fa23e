select
    delivery_no,
    line_no,
    hall_code,
    name as hall_name,
    city_code,
    designated_from::date as designated_from,
    designated_to::date as designated_to
from {{ source('raw', 'hall') }}
