-- What social media say of a topic on a day, each delivery of it: the row of the later file corrects the earlier one's.
select
    figures.platform,
    figures.day,
    figures.topic,
    figures.heat,
    figures.impressions,
    figures.interactions,
    row_number() over (
        partition by figures.platform, figures.day, figures.topic
        order by deliveries.business_date, deliveries.seq, deliveries.received_on, figures.line_no
    ) as revision,
    row_number() over (
        partition by figures.platform, figures.day, figures.topic
        order by
            deliveries.business_date desc, deliveries.seq desc, deliveries.received_on desc, figures.line_no desc
    ) = 1 as is_current,
    deliveries.file_name as source_file,
    figures.line_no as source_line
from {{ ref('stg_social__figures') }} as figures
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on figures.delivery_no = deliveries.delivery_no
