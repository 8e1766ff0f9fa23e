-- Devices: discounts that were not due, orders in conflict, and orders that do not move on.
select
    decisions.campaign_id,
    case
        when decisions.reason = 'LATE' then 'LATE_DEVICE_ORDER'
        when
            decisions.reason = 'NO_PRICE'
            or decisions.entitled_price_fen is null
            or decisions.paid_price_fen is null
            then 'DEVICE_NO_PRICE'
        when decisions.price_check = 'OVER' then 'DEVICE_OVER'
        else 'DEVICE_NOT_ENTITLED'
    end as exception_type,
    decisions.business_date as found_on,
    decisions.subscriber_id,
    decisions.order_id as item_key,
    decisions.applied_fen - decisions.entitled_fen as amount_fen,
    decisions.source_file,
    decisions.source_line,
    'applied ' || coalesce(decisions.applied_fen::text, 'unknown') || ' fen, entitled ' || decisions.entitled_fen
    || ' fen, ' || decisions.reason || coalesce(' ' || decisions.not_eligible_reason, '') as detail,
    case
        when decisions.reason = 'LATE' then 'Decide by hand: the order was delivered too late to be honoured.'
        when
            decisions.reason = 'NO_PRICE'
            or decisions.entitled_price_fen is null
            or decisions.paid_price_fen is null
            then 'Ask the shop what was paid, and settle the discount with it by hand.'
        else 'Settle with the shop; the subscriber is not charged.'
    end as what_to_do
from {{ ref('device_decisions') }} as decisions
where
    not {{ is_void('decisions', 'device_order', 'order_id') }}
    and (
        decisions.reason in ('LATE', 'NO_PRICE')
        -- a refusal without a price tells the shop nothing
        or (
            (decisions.entitled_price_fen is null or decisions.paid_price_fen is null)
            and decisions.reason not in ('WINDOW', 'CONFLICT')
        )
        or decisions.price_check = 'OVER'
        or (
            decisions.price_check = 'NOT_ENTITLED'
            -- unless it was granted since, or by another campaign, for which the shop took it off
            and not exists (
                select from {{ ref('device_decisions') }} as others
                where
                    others.subscriber_id = decisions.subscriber_id
                    and others.order_id = decisions.order_id
                    and others.reason = 'GRANTED'
                    and not {{ is_void('others', 'device_order', 'order_id') }}
            )
        )
    )

union all

select
    decisions.campaign_id,
    'DEVICE_LIST_PRICE' as exception_type,
    decisions.business_date as found_on,
    decisions.subscriber_id,
    decisions.order_id as item_key,
    decisions.order_list_price_fen - decisions.list_price_fen as amount_fen,
    decisions.source_file,
    decisions.source_line,
    'list price ' || decisions.order_list_price_fen || ' fen in the order, ' || decisions.list_price_fen
    || ' fen on the list' as detail,
    'Settle with the shop which is right: the list decided.' as what_to_do
from {{ ref('device_decisions') }} as decisions
where
    decisions.rate_bp is not null
    and decisions.order_list_price_fen <> decisions.list_price_fen
    and not {{ is_void('decisions', 'device_order', 'order_id') }}

union all

select
    null::text as campaign_id,
    'DEVICE_CONFLICT' as exception_type,
    events.business_date as found_on,
    events.subscriber_id,
    events.order_id as item_key,
    events.paid_price_fen as amount_fen,
    events.source_file,
    events.source_line,
    'the same order paid twice with other content: ' || events.event_id as detail,
    'Ask the shop which payment is true. What was decided before stands; those that came together count for nothing.'
        as what_to_do
from (
    select
        *,
        event = 'PAID'
        and min(content_hash) over same_event <> max(content_hash) over same_event as is_paid_twice
    from {{ ref('int_device_order__events') }}
    window same_event as (partition by order_id, event)
) as events
where events.is_paid_twice and not events.is_conflict

union all

select
    terms.campaign_id,
    case when orders.paid_at is null then 'DEVICE_UNPAID' else 'DEVICE_NOT_SHIPPED' end as exception_type,
    coalesce(
        orders.paid_at::date + (terms.terms -> 'devices' ->> 'ship_days')::integer,
        orders.seen_on + (terms.terms -> 'devices' ->> 'unpaid_days')::integer
    ) as found_on,
    orders.subscriber_id,
    orders.order_id as item_key,
    null::bigint as amount_fen,
    orders.source_file,
    null::bigint as source_line,
    case
        when orders.paid_at is null then orders.order_state || ', but its payment has not come'
        else 'paid on ' || orders.paid_at::date || ' and not shipped'
    end as detail,
    case
        when orders.paid_at is null then 'Ask the shop for the order''s payment; it is decided when it comes.'
        else 'Have it shipped, or give the subscriber notice.'
    end as what_to_do
from {{ ref('int_device_order__orders') }} as orders
cross join {{ ref('stg_run__current') }} as run
cross join lateral {{ function('terms_on') }}(coalesce(orders.paid_at::date, orders.seen_on)) as terms
where
    (
        orders.paid_at is null
        and orders.seen_on + (terms.terms -> 'devices' ->> 'unpaid_days')::integer <= run.business_date
    )
    or (
        orders.channel = 'APP'
        and orders.order_state = 'PAID'
        and orders.paid_at::date + (terms.terms -> 'devices' ->> 'ship_days')::integer <= run.business_date
    )

union all

-- what it took back may have been claimed from the subscriber: not given again automatically
select
    null::text as campaign_id,
    'DEVICE_RETURN_WITHDRAWN' as exception_type,
    withdrawn.withdrawn_on as found_on,
    null::text as subscriber_id,
    given_back.order_id as item_key,
    null::bigint as amount_fen,
    given_back.source_file,
    given_back.source_line,
    'the return ' || given_back.event_id || ' is withdrawn; the order stays returned' as detail,
    'Have the shop deliver the order under an id of its own; what was claimed back is settled with the subscriber.'
        as what_to_do
from {{ ref('int_device_order__returns') }} as given_back
inner join {{ ref('stg_carrier__withdrawals') }} as withdrawn
    on
        given_back.source_file = withdrawn.file_name
        and withdrawn.feed = 'device_order'
        and (given_back.business_date, given_back.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
where
    not exists (
        select from {{ ref('int_device_order__events') }} as events
        where events.order_id = given_back.order_id and events.event = 'RETURNED'
    )
