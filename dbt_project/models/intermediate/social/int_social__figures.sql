-- Figures of social media on a topic and day, each once: the first row counts (rules, 12).
with received as (
    select
        figures.*,
        deliveries.file_name as source_file,
        first_value(figures.content_hash) over first_row as current_hash,
        row_number() over first_row as ordinal
    from {{ ref('stg_social__figures') }} as figures
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on figures.delivery_no = deliveries.delivery_no
    window first_row as (
        partition by figures.platform, figures.day, figures.topic
        order by deliveries.received_on, deliveries.business_date, deliveries.seq, figures.line_no
    )
),

counted as (
    select
        received.*,
        count(*) filter (where received.content_hash <> received.current_hash) over (
            partition by received.platform, received.day, received.topic
        ) as rows_quarantined
    from received
)

select
    platform,
    day,
    topic,
    figure_key,
    content_hash,
    heat,
    impressions,
    interactions,
    rows_quarantined,
    source_file,
    line_no as source_line
from counted
where ordinal = 1
