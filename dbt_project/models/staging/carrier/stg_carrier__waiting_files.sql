-- what lies in the exchange and did not count when this run looked
select
    path,
    reason,
    detail,
    since
from {{ source('raw', 'waiting') }}
