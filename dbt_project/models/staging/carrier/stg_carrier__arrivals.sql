-- what was in `in/` at the last look, ingested or not
select
    feed,
    stem,
    business_date,
    has_data,
    has_check
from {{ source('raw', 'arrival') }}
