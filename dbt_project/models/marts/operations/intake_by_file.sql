-- Every file that arrived: received = loaded + quarantined, to the row.
with duplicates as (
    select
        source_file,
        count(*) as rows_duplicate
    from {{ ref('int_recharge__duplicates') }}
    group by source_file
),

final as (
    select
        deliveries.feed,
        deliveries.file_name,
        deliveries.business_date,
        deliveries.received_on,
        deliveries.state,
        deliveries.reason,
        deliveries.rows_received,
        deliveries.rows_loaded,
        deliveries.rows_quarantined,
        case when deliveries.state = 'LOADED' then coalesce(duplicates.rows_duplicate, 0) else 0 end as rows_duplicate
    from {{ ref('stg_carrier__files') }} as deliveries
    left join duplicates on deliveries.file_name = duplicates.source_file
)

select * from final
