-- Expense vouchers, each once by its number, and again if its delivery was withdrawn before; they carry the budget
-- lines that the benefits do not.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['business_date'], 'type': 'brin'}],
) }}

select distinct on (vouchers.voucher_id)
    vouchers.*,
    deliveries.file_name as source_file,
    vouchers.line_no as source_line
from {{ ref('stg_expense__vouchers') }} as vouchers
inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries
    on vouchers.delivery_no = deliveries.delivery_no and deliveries.feed = 'expense'
cross join {{ ref('stg_run__current') }} as run
where
    not exists (
        select from {{ this }} as known
        where
            known.voucher_id = vouchers.voucher_id
            and {{ is_current('known') }}
            and not {{ is_withdrawn('known', 'expense') }}
    )
order by vouchers.voucher_id, deliveries.business_date, deliveries.seq, vouchers.line_no
