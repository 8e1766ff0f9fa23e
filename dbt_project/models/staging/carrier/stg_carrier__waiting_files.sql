-- files in the exchange that did not count when this run looked
select
    path,
    reason,
    detail,
    since
from {{ source('raw', 'waiting') }}
