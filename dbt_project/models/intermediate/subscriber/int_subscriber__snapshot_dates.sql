-- Dates with a snapshot that counts, each with the one before and after it, and whether this attempt ingested it.
{{ config(materialized='ephemeral') }}

with deliveries as (
    select
        deliveries.delivery_no,
        deliveries.business_date,
        deliveries.file_name,
        deliveries.received_on = run.business_date and deliveries.attempt_no = run.attempt_no as is_new
    from {{ ref('stg_carrier__deliveries') }} as deliveries
    cross join {{ ref('stg_run__current') }} as run
    where deliveries.feed = 'subscriber' and deliveries.is_last_of_date
)

select
    *,
    lag(business_date) over by_date as previous_date,
    lag(is_new) over by_date as is_previous_new,
    lead(business_date) over by_date as next_date,
    lead(is_new) over by_date as is_next_new
from deliveries
window by_date as (order by business_date)
