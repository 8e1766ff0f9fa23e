-- the list of halls as each delivery gave it; on a date E the list is the one with the greatest (delivered_for,
-- revision) not after E
{{ config(materialized='append_only') }}

select distinct on (deliveries.delivery_no, halls.hall_code)
    deliveries.business_date as delivered_for,
    deliveries.delivery_no as revision,
    halls.*,
    deliveries.file_name as source_file,
    halls.line_no as source_line
from {{ ref('stg_hall__snapshots') }} as halls
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on halls.delivery_no = deliveries.delivery_no
inner join {{ ref('stg_run__current') }} as run on deliveries.received_on = run.business_date
where
    deliveries.feed = 'hall'
    and not exists (
        select from {{ this }} as known
        where known.revision = deliveries.delivery_no and {{ is_current('known') }}
    )
order by deliveries.delivery_no asc, halls.hall_code asc, halls.line_no desc
