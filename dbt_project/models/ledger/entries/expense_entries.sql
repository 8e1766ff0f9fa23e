-- Expense vouchers, and their reversals if their delivery was withdrawn. They name no campaign: they belong to the one
-- of highest priority. The cost of B1 to B4 comes only from the benefits: a voucher on one of them is left to a person.
with first_campaign as (
    select campaign_id
    from {{ ref('stg_campaign__campaigns') }}
    order by priority desc, campaign_id asc
    limit 1
),

vouchers as (
    select
        expenses.*,
        campaigns.campaign_id,
        -- a voucher delivered again after it was withdrawn is another entry
        {{ content_key([
            "'EXPENSE'",
            'campaigns.campaign_id',
            """replace(expenses.voucher_id, '@', '@@') || case
                when row_number() over (partition by expenses.voucher_id order by expenses.business_date, expenses.attempt_no) > 1
                    then '@' || to_char(expenses.business_date, 'YYYYMMDD')
                        || case when expenses.attempt_no > 1 then '-' || expenses.attempt_no else '' end
                else ''
            end""",
        ]) }} as voucher_key,
        withdrawn.withdrawn_on,
        withdrawn.withdrawal_reason
    from {{ ref('expenses') }} as expenses
    cross join first_campaign as campaigns
    left join lateral (
        select
            withdrawals.withdrawn_on,
            withdrawals.withdrawal_reason
        from {{ ref('stg_carrier__withdrawals') }} as withdrawals
        where
            withdrawals.feed = 'expense'
            and withdrawals.file_name = expenses.source_file
            and (expenses.business_date, expenses.attempt_no) < (withdrawals.withdrawn_on, withdrawals.attempt_no)
        order by withdrawals.withdrawn_on, withdrawals.attempt_no
        limit 1
    ) as withdrawn on true
    where expenses.budget_line not in ('B1', 'B2', 'B3', 'B4')
)

select
    case entries.entry_type
        when 'reversed' then {{ content_key(['vouchers.voucher_key', "'reversed'"]) }} else vouchers.voucher_key
    end as entry_key,
    vouchers.campaign_id,
    'EXPENSE' as benefit,
    entries.entry_type,
    vouchers.voucher_key as grant_key,
    case entries.entry_type when 'reversed' then vouchers.voucher_key end as changes_key,
    null::text as subscriber_id,
    null::text as customer_id,
    null::text as city_code,
    null::text as tenure_band,
    vouchers.booked_on as event_on,
    case entries.entry_type when 'reversed' then vouchers.withdrawn_on else vouchers.business_date end as booked_on,
    vouchers.amount_fen,
    null::integer as megabytes,
    vouchers.budget_line,
    0::bigint as committed_fen,
    entries.sign * vouchers.amount_fen as actual_fen,
    0::bigint as liability_fen,
    case entries.entry_type when 'reversed' then vouchers.withdrawal_reason else vouchers.memo end as reason,
    null::text as participation,
    null::text as terms_version,
    vouchers.source_file,
    vouchers.source_line
from vouchers
cross join (values ('booked', 1), ('reversed', -1)) as entries (entry_type, sign)
where entries.entry_type = 'booked' or vouchers.withdrawn_on is not null
