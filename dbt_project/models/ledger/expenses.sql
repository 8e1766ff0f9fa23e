-- Expense vouchers, each once by its number, and again where its delivery was withdrawn before; they carry the budget
-- lines that the benefits do not.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (vouchers.voucher_id)
        vouchers.voucher_id,
        vouchers.content_hash,
        vouchers.booked_on,
        vouchers.budget_line,
        vouchers.amount_fen,
        vouchers.memo,
        deliveries.file_name as source_file,
        vouchers.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('stg_expense__vouchers') }} as vouchers
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on vouchers.delivery_no = deliveries.delivery_no
    inner join run on {{ is_read_now('deliveries') }}
    where
        deliveries.feed = 'expense'
        and not exists (
            select from {{ this }} as known
            where
                known.voucher_id = vouchers.voucher_id
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'expense') }}
        )
    order by vouchers.voucher_id, deliveries.business_date, deliveries.seq, vouchers.line_no
)

select * from final
