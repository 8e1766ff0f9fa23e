-- rows that could not be read
select
    delivery_no,
    line_no,
    reason,
    field
from {{ source('raw', 'quarantined_row') }}
