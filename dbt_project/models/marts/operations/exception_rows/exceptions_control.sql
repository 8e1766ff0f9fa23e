-- Customers of the control group with a benefit (rules, 9): one of theirs had it before it came to them, or a channel
-- gave what was not due. They stay in the control group.
with control as materialized (
    select
        campaign_id,
        customer_id
    from {{ ref('int_holdout__customers') }}
    where is_control
),

-- subscribers who came from elsewhere: those who were always theirs had nothing
controlled as materialized (
    select
        control.campaign_id,
        control.customer_id,
        history.subscriber_id,
        history.business_date
    from control
    inner join {{ ref('int_subscriber__history') }} as history on control.customer_id = history.customer_id
    where
        history.is_present
        and exists (
            select from {{ ref('int_subscriber__history') }} as earlier
            where
                earlier.subscriber_id = history.subscriber_id
                and (earlier.customer_id = history.customer_id) is not true
        )
        and not exists (
            select from {{ ref('int_subscriber__history') }} as later
            where
                later.subscriber_id = history.subscriber_id
                and (later.state_on, later.revision) > (history.state_on, history.revision)
        )
),

found as (
    select
        controlled.campaign_id,
        greatest(granted.booked_on, controlled.business_date) as found_on,
        controlled.subscriber_id,
        granted.grant_key as item_key,
        granted.amount_fen,
        granted.source_file,
        granted.source_line,
        granted.benefit || ' of ' || granted.event_on || ', now of control customer '
        || controlled.customer_id as detail
    from controlled
    inner join {{ ref('participations') }} as granted
        on controlled.campaign_id = granted.campaign_id and controlled.subscriber_id = granted.subscriber_id
    -- the whole ledger is read only if anybody came
    where (select count(came.subscriber_id) from controlled as came) > 0

    union all

    select
        decisions.campaign_id,
        decisions.decided_on as found_on,
        decisions.subscriber_id,
        decisions.recharge_id as item_key,
        decisions.applied_fen as amount_fen,
        decisions.source_file,
        decisions.source_line,
        'the channel took ' || decisions.applied_fen || ' fen off a recharge of control customer '
        || decisions.customer_id as detail
    from {{ ref('recharge_decisions') }} as decisions
    where
        decisions.discount_check = 'NOT_ENTITLED'
        and 'HOLDOUT' = any(decisions.ineligibility_reasons)
        and not {{ is_void('decisions', 'recharge', 'recharge_id') }}
        and not exists (
            select from {{ ref('int_recharge__reversals') }} as reversals
            where reversals.recharge_id = decisions.recharge_id
        )

    union all

    select
        decisions.campaign_id,
        decisions.business_date as found_on,
        decisions.subscriber_id,
        decisions.order_id as item_key,
        decisions.applied_fen as amount_fen,
        decisions.source_file,
        decisions.source_line,
        'the shop took ' || decisions.applied_fen || ' fen off a device of control customer '
        || decisions.customer_id as detail
    from {{ ref('device_decisions') }} as decisions
    where
        decisions.price_check = 'NOT_ENTITLED'
        and not {{ is_void('decisions', 'device_order', 'order_id') }}
        and 'HOLDOUT' = any(decisions.ineligibility_reasons)
        and not exists (
            select from {{ ref('int_device_order__returns') }} as returned
            where returned.order_id = decisions.order_id
        )
)

select
    campaign_id,
    'CONTROL_LEAKED' as exception_type,
    found_on,
    subscriber_id,
    item_key,
    amount_fen,
    source_file,
    source_line,
    detail,
    'Tell whoever evaluates the effect; the customer stays in the control group.' as what_to_do
from found
