-- The outcome of each device order: what this attempt decided, gave or took back, and what the carrier or a person
-- asked to send again. An order outside the campaign's days does not concern the campaign. One that waits for the
-- budget is refused for CAP, under a key of its own, and granted when it is given.
with run as (
    select * from {{ ref('stg_run__current') }}
),

outcomes as (
    select
        campaign_id,
        grant_key,
        'DEVICE' as benefit,
        order_id,
        subscriber_id,
        'GRANTED' as decision,
        entitled_price_fen as entitled_price,
        paid_price_fen as paid_price,
        reason,
        funded_on as business_date,
        funded_attempt_no as attempt_no
    from {{ funded_grants('device_decisions') }} as granted

    union all

    select
        campaign_id,
        grant_key,
        null as benefit,
        order_id,
        subscriber_id,
        'REFUSED' as decision,
        entitled_price_fen as entitled_price,
        paid_price_fen as paid_price,
        coalesce(not_eligible_reason, reason) as reason,
        business_date,
        attempt_no
    from {{ ref('device_decisions') }}
    where
        reason not in ('GRANTED', 'WINDOW', 'NO_PRICE')
        -- a refusal without a price will never have one: it is listed for a person, and tells the shop nothing
        and entitled_price_fen is not null
        and paid_price_fen is not null

    union all

    select
        waits.campaign_id,
        {{ content_key(['waits.grant_key', "'CAP'"]) }} as grant_key,
        null as benefit,
        decisions.order_id,
        decisions.subscriber_id,
        'REFUSED' as decision,
        decisions.list_price_fen as entitled_price,
        decisions.paid_price_fen as paid_price,
        'CAP' as reason,
        waits.waiting_since as business_date,
        waits.waiting_attempt_no as attempt_no
    from {{ ref('waiting_list') }} as waits
    inner join {{ ref('device_decisions') }} as decisions on waits.grant_key = decisions.grant_key

    union all

    select
        campaign_id,
        grant_key,
        'DEVICE' as benefit,
        order_id,
        subscriber_id,
        'RETURNED' as decision,
        list_price_fen as entitled_price,
        paid_price_fen as paid_price,
        case reason when 'RETURNED' then reason else 'WITHDRAWN' end as reason,
        business_date,
        attempt_no
    from {{ ref('device_returns') }}
),

chosen as (
    select
        outcomes.grant_key,
        null::text as resend_of
    from outcomes
    inner join run on {{ is_this_attempt('outcomes') }}

    union all

    select
        rejections.item_key as grant_key,
        rejections.resend_of
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    where rejections.interface = 'device_decision' and rejections.outcome = 'RETRY'
),

final as (
    select
        outcomes.campaign_id,
        outcomes.grant_key as item_key,
        outcomes.grant_key as answer_key,
        outcomes.benefit,
        case when outcomes.benefit is not null then 'B3' end as budget_line,
        0::bigint as committed_fen,
        0::bigint as liability_fen,
        {{ missing_columns(['outcomes.entitled_price', 'outcomes.paid_price']) }} as missing_columns,
        chosen.resend_of,
        outcomes.grant_key,
        outcomes.order_id,
        outcomes.subscriber_id,
        outcomes.decision,
        outcomes.entitled_price,
        outcomes.paid_price,
        outcomes.reason
    from chosen
    inner join outcomes on chosen.grant_key = outcomes.grant_key
)

select * from final
