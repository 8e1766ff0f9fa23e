-- Expense vouchers. They name no campaign: they belong to the one of highest priority. What B1 to B4 cost
-- is known from the benefits alone: a voucher on one of them is for a person.
with first_campaign as (
    select campaign_id
    from {{ ref('stg_campaign__campaigns') }}
    order by priority desc, campaign_id asc
    limit 1
)

select
    {{ content_key(["'EXPENSE'", 'campaigns.campaign_id', 'vouchers.voucher_id']) }} as entry_key,
    campaigns.campaign_id,
    'EXPENSE' as benefit,
    'booked' as entry_type,
    {{ content_key(["'EXPENSE'", 'campaigns.campaign_id', 'vouchers.voucher_id']) }} as grant_key,
    null::text as changes_key,
    null::text as subscriber_id,
    null::text as customer_id,
    null::text as city_code,
    null::text as tenure_band,
    vouchers.booked_on as event_on,
    vouchers.run_on as booked_on,
    vouchers.amount_fen,
    null::integer as megabytes,
    vouchers.budget_line,
    0::bigint as committed_fen,
    vouchers.amount_fen as actual_fen,
    0::bigint as liability_fen,
    vouchers.memo as reason,
    null::text as participation,
    null::text as terms_version,
    vouchers.source_file,
    vouchers.source_line
from {{ ref('expenses') }} as vouchers
cross join first_campaign as campaigns
where vouchers.budget_line not in ('B1', 'B2', 'B3', 'B4')
