-- files that count; of the snapshots of one date the last one received stands for the date
with loaded as (
    select
        *,
        max(delivery_no) over (partition by feed, business_date) as last_delivery_no
    from {{ source('raw', 'delivery') }}
    where state = 'LOADED'
),

final as (
    select
        delivery_no,
        feed,
        file_name,
        business_date,
        seq,
        received_on,
        pass_no,
        rows_received,
        rows_loaded,
        delivery_no = last_delivery_no as is_last_of_date
    from loaded
)

select * from final
