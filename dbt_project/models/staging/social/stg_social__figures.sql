select
    delivery_no,
    line_no,
    platform,
    day::date as day,
    topic,
    {{ content_key(['platform', 'day::date', 'topic']) }} as figure_key,
    heat::bigint as heat,
    impressions::bigint as impressions,
    interactions::bigint as interactions,
    {{ content_key(['heat', 'impressions', 'interactions']) }} as content_hash
from {{ source('raw', 'social') }}
