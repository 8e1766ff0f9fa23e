-- every file that arrived: loaded, quarantined, or loaded and withdrawn since
select
    deliveries.delivery_no,
    deliveries.feed,
    deliveries.file_name,
    deliveries.business_date,
    deliveries.received_on,
    case when withdrawn.delivery_no is null then deliveries.state else 'WITHDRAWN' end as state,
    coalesce(withdrawn.withdrawal_reason, deliveries.reason) as reason,
    deliveries.detail,
    deliveries.rows_received,
    deliveries.rows_loaded,
    deliveries.rows_quarantined
from {{ source('raw', 'delivery') }} as deliveries
left join {{ source('raw', 'withdrawal') }} as withdrawn on deliveries.delivery_no = withdrawn.delivery_no
