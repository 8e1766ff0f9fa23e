-- Every promise, payment and change of the campaign, one row each: what the marts read, and they read nothing else.
-- committed = promised, not yet paid; actual = paid, as far as the carrier has answered. Sums of both by line and month
-- are the budget; the sum of liability_fen is what is still owed to subscribers.
{{ config(materialized='view') }}

with gifts as (
    select
        {{ content_key(['grant_key', "'promised'"]) }} as entry_key,
        campaign_id,
        'DATA_GIFT' as benefit,
        'promised' as entry_type,
        grant_key,
        null::text as changes_key,
        subscriber_id,
        customer_id,
        city_code,
        tenure_band,
        valid_from as event_on,
        run_on as booked_on,
        cost_fen as amount_fen,
        megabytes,
        'B1' as budget_line,
        cost_fen as committed_fen,
        0::bigint as actual_fen,
        0::bigint as liability_fen,
        'GRANTED' as reason,
        terms_version,
        source_file,
        source_line
    from {{ ref('data_gift_decisions') }}
),

discounts as (
    select
        {{ content_key(['grant_key', "'granted'"]) }} as entry_key,
        campaign_id,
        'RECHARGE_DISCOUNT' as benefit,
        'granted' as entry_type,
        grant_key,
        null::text as changes_key,
        subscriber_id,
        customer_id,
        city_code,
        tenure_band,
        recharged_on as event_on,
        run_on as booked_on,
        -- what the channel took off, as far as it was due: more is an exception, less is made good apart
        least(entitled_fen, applied_fen) as amount_fen,
        null::integer as megabytes,
        'B2' as budget_line,
        0::bigint as committed_fen,
        least(entitled_fen, applied_fen) as actual_fen,
        0::bigint as liability_fen,
        discount_check as reason,
        terms_version,
        source_file,
        source_line
    from {{ ref('recharge_decisions') }}
    where reason = 'GRANTED'
),

discounts_reversed as (
    select
        {{ content_key(['grant_key', "'reversed'"]) }} as entry_key,
        campaign_id,
        'RECHARGE_DISCOUNT' as benefit,
        'reversed' as entry_type,
        grant_key,
        grant_key as changes_key,
        subscriber_id,
        customer_id,
        city_code,
        tenure_band,
        reversed_on as event_on,
        run_on as booked_on,
        amount_fen,
        null::integer as megabytes,
        'B2' as budget_line,
        0::bigint as committed_fen,
        -amount_fen as actual_fen,
        0::bigint as liability_fen,
        'REVERSED' as reason,
        terms_version,
        source_file,
        source_line
    from {{ ref('recharge_reversals') }}
),

obligations as (
    select
        {{ content_key(['grant_key', "'promised'"]) }} as entry_key,
        campaign_id,
        benefit,
        'promised' as entry_type,
        grant_key,
        null::text as changes_key,
        subscriber_id,
        customer_id,
        city_code,
        tenure_band,
        recharged_on as event_on,
        run_on as booked_on,
        amount_fen,
        null::integer as megabytes,
        'B2' as budget_line,
        amount_fen as committed_fen,
        0::bigint as actual_fen,
        case kind when 'INSTALMENT' then amount_fen else 0 end as liability_fen,
        'GRANTED' as reason,
        terms_version,
        source_file,
        source_line
    from {{ ref('credit_obligations') }}
),

closures as (
    select
        entry_key,
        campaign_id,
        benefit,
        entry_type,
        grant_key,
        changes_key,
        subscriber_id,
        customer_id,
        null::text as city_code,
        null::text as tenure_band,
        event_on,
        run_on as booked_on,
        amount_fen,
        null::integer as megabytes,
        'B2' as budget_line,
        committed_fen,
        0::bigint as actual_fen,
        liability_fen,
        reason,
        terms_version,
        source_file,
        source_line
    from {{ ref('ledger_closures') }}
),

messages as (
    select
        {{ content_key(['message_key', "'promised'"]) }} as entry_key,
        campaign_id,
        upper(channel) as benefit,
        case fate when 'sent' then 'promised' else 'suppressed' end as entry_type,
        message_key as grant_key,
        grant_key as changes_key,
        subscriber_id,
        null::text as customer_id,
        null::text as city_code,
        null::text as tenure_band,
        run_on as event_on,
        run_on as booked_on,
        case fate when 'sent' then cost_fen else 0 end as amount_fen,
        null::integer as megabytes,
        'B5.1' as budget_line,
        case fate when 'sent' then cost_fen else 0 end as committed_fen,
        0::bigint as actual_fen,
        0::bigint as liability_fen,
        coalesce(reason, template_code) as reason,
        terms_version,
        null::text as source_file,
        null::bigint as source_line
    from {{ ref('messages') }}
),

settlements as (
    select
        entry_key,
        campaign_id,
        benefit,
        entry_type,
        grant_key,
        grant_key as changes_key,
        subscriber_id,
        null::text as customer_id,
        null::text as city_code,
        null::text as tenure_band,
        event_on,
        run_on as booked_on,
        amount_fen,
        null::integer as megabytes,
        budget_line,
        committed_fen,
        actual_fen,
        liability_fen,
        reason,
        null::text as terms_version,
        source_file,
        source_line
    from {{ ref('ledger_settlements') }}
),

-- vouchers name no campaign: they belong to the one of highest priority
first_campaign as (
    select campaign_id
    from {{ ref('stg_campaign__campaigns') }}
    order by priority desc, campaign_id asc
    limit 1
),

expenses as (
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
        null::text as terms_version,
        vouchers.source_file,
        vouchers.source_line
    from {{ ref('expenses') }} as vouchers
    cross join first_campaign as campaigns
),

final as (
    select * from gifts
    union all
    select * from discounts
    union all
    select * from discounts_reversed
    union all
    select * from obligations
    union all
    select * from closures
    union all
    select * from messages
    union all
    select * from settlements
    union all
    select * from expenses
)

select * from final
