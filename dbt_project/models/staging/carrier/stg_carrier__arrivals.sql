-- what stood in `in/` when it was last looked at, whether it was ingested or not
select
    feed,
    stem,
    business_date,
    has_data,
    has_check
from {{ source('raw', 'arrival') }}
