-- files that count, without those withdrawn; of the snapshots of one date the one with the highest number counts,
-- however late the others come; of two deliveries under one name the later
with loaded as (
    select
        *,
        first_value(delivery_no) over (
            partition by feed, business_date order by seq desc, delivery_no desc
        ) as last_delivery_no
    from {{ source('raw', 'delivery') }}
    where
        state = 'LOADED'
        and delivery_no not in (select withdrawn.delivery_no from {{ source('raw', 'withdrawal') }} as withdrawn)
),

final as (
    select
        delivery_no,
        feed,
        file_name,
        business_date,
        seq,
        received_on,
        attempt_no,
        rows_received,
        rows_loaded,
        delivery_no = last_delivery_no as is_last_of_date
    from loaded
)

select * from final
