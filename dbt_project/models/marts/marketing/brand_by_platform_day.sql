-- What social media say of the campaign's topics (E4), as the last file about each day says, with that file.
select
    platform,
    day,
    topic,
    heat,
    impressions,
    interactions,
    revision - 1 as corrections,
    source_file,
    source_line
from {{ ref('int_social__figures') }}
where is_current
