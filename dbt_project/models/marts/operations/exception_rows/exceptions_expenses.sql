-- Vouchers on a line of the budget that the benefits fill: they are not booked.
select
    null::text as campaign_id,
    'EXPENSE_LINE' as exception_type,
    vouchers.business_date as found_on,
    null::text as subscriber_id,
    vouchers.voucher_id as item_key,
    vouchers.amount_fen,
    vouchers.source_file,
    vouchers.source_line,
    'voucher on ' || vouchers.budget_line || ', which comes from the ledger: not booked' as detail,
    'Have it delivered again, under a number of its own, on the line that it belongs to.' as what_to_do
from {{ ref('expenses') }} as vouchers
where vouchers.budget_line in ('B1', 'B2', 'B3', 'B4') and not {{ is_withdrawn('vouchers', 'expense') }}
