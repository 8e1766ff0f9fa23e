-- The orders of devices: how far each is, what it got, and which wait too long to be shipped. Shipping looks for
-- is_shipping_late, after-sales for RETURNED.
with run as (
    select * from {{ ref('stg_run__current') }}
),

decided as (
    select distinct on (campaign_id, order_id) *
    from {{ ref('device_decisions') }} as decisions
    where not {{ is_void('decisions', 'device_order', 'order_id') }}
    order by campaign_id asc, order_id asc, business_date desc, attempt_no desc
),

final as (
    select
        terms.campaign_id,
        orders.order_id,
        orders.subscriber_id,
        orders.sku,
        orders.channel,
        orders.hall_code,
        orders.order_state,
        orders.paid_at,
        orders.shipped_at,
        orders.delivered_at,
        orders.returned_at,
        -- open from the payment until it is delivered or returned
        coalesce(orders.delivered_at, orders.returned_at, run.business_date)::date - orders.paid_at::date as days_open,
        coalesce(
            orders.channel = 'APP'
            and orders.order_state = 'PAID'
            and orders.paid_at::date + (terms.terms -> 'devices' ->> 'ship_days')::integer <= run.business_date,
            false
        ) as is_shipping_late,
        case when waits.grant_key is not null then 'CAP' else decided.reason end as decision,
        decided.entitled_price_fen,
        decided.paid_price_fen,
        case
            when given_back.changes_key is null and waits.grant_key is null
                then least(decided.entitled_fen, decided.applied_fen)
            else 0
        end as subsidy_fen
    from {{ ref('int_device_order__orders') }} as orders
    cross join run
    cross join lateral {{ function('terms_on') }}(coalesce(orders.paid_at::date, orders.seen_on)) as terms
    left join decided on terms.campaign_id = decided.campaign_id and orders.order_id = decided.order_id
    left join {{ ref('waiting_list') }} as waits on decided.grant_key = waits.grant_key and waits.funded_on is null
    left join {{ ref('device_returns') }} as given_back on decided.grant_key = given_back.changes_key
    where terms.terms -> 'devices' is not null
)

select * from final
