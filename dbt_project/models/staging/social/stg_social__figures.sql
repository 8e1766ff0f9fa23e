select
    delivery_no,
    line_no,
    platform,
    day::date as day,
    topic,
    heat::bigint as heat,
    impressions::bigint as impressions,
    interactions::bigint as interactions
from {{ source('raw', 'social') }}
