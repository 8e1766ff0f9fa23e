-- the devices on the discount's list as each delivery gave them; on a date E the list is the one with the greatest
-- (delivered_for, revision) not after E
{{ config(materialized='append_only') }}

select distinct on (deliveries.delivery_no, listed.sku)
    deliveries.business_date as delivered_for,
    deliveries.delivery_no as revision,
    listed.*,
    deliveries.file_name as source_file,
    listed.line_no as source_line
from {{ ref('stg_device_catalogue__snapshots') }} as listed
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on listed.delivery_no = deliveries.delivery_no
inner join {{ ref('stg_run__current') }} as run on deliveries.received_on = run.business_date
where
    deliveries.feed = 'device_catalogue'
    and not exists (
        select from {{ this }} as known
        where known.revision = deliveries.delivery_no and {{ is_current('known') }}
    )
order by deliveries.delivery_no asc, listed.sku asc, listed.line_no desc
