select
    delivery_no,
    line_no,
    platform,
    day::date as day,
    {{ without_numbers('topic') }} as topic,
    {{ content_key(['platform', 'day::date', without_numbers('topic')]) }} as figure_key,
    heat::bigint as heat,
    impressions::bigint as impressions,
    interactions::bigint as interactions,
    {{ content_key(['heat', 'impressions', 'interactions']) }} as content_hash
from {{ source('raw', 'social') }}
