-- What social media say of the campaign's topics (E4), as the first file about each day says, with that file.
select
    platform,
    day,
    topic,
    heat,
    impressions,
    interactions,
    rows_quarantined as corrections,
    source_file,
    source_line
from {{ ref('int_social__figures') }}
