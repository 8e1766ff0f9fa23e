-- The data gifts to set up: those decided in this attempt for which the budget has room, those for which it has room at
-- last, and those the carrier asked to send again while they are still valid.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        gifts.campaign_id,
        gifts.subscriber_id,
        gifts.msisdn,
        gifts.grant_key,
        gifts.valid_from,
        gifts.valid_to,
        gifts.product_code,
        gifts.megabytes,
        gifts.cost_fen,
        null::text as resend_of
    from {{ ref('data_gift_decisions') }} as gifts
    inner join run on {{ is_this_attempt('gifts') }}
    left join {{ ref('waiting_list') }} as waits on gifts.grant_key = waits.grant_key
    where gifts.reason = 'GRANTED' and waits.grant_key is null

    union all

    select
        gifts.campaign_id,
        gifts.subscriber_id,
        states.msisdn,
        gifts.grant_key,
        run.next_date as valid_from,
        gifts.valid_to,
        gifts.product_code,
        gifts.megabytes,
        gifts.cost_fen,
        null::text as resend_of
    from {{ ref('waiting_list') }} as waits
    inner join {{ ref('data_gift_decisions') }} as gifts on waits.grant_key = gifts.grant_key
    inner join run on waits.funded_on = run.business_date and waits.funded_attempt_no = run.attempt_no
    left join lateral {{ function('state_as_of') }}(gifts.subscriber_id, run.business_date) as states on true

    union all

    -- a second dispatch goes to the number that the subscriber has now
    select
        gifts.campaign_id,
        gifts.subscriber_id,
        states.msisdn,
        gifts.grant_key,
        gifts.valid_from,
        gifts.valid_to,
        gifts.product_code,
        gifts.megabytes,
        gifts.cost_fen,
        rejections.resend_of
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join {{ ref('data_gift_decisions') }} as gifts on rejections.item_key = gifts.grant_key
    inner join run on rejections.answered_on = run.business_date and gifts.valid_to >= run.next_date
    left join lateral {{ function('state_as_of') }}(gifts.subscriber_id, run.business_date) as states on true
    where rejections.interface = 'data_grant' and rejections.outcome = 'RETRY'
),

final as (
    select
        chosen.campaign_id,
        chosen.grant_key as item_key,
        chosen.grant_key as answer_key,
        'DATA_GIFT' as benefit,
        'B1' as budget_line,
        chosen.cost_fen as committed_fen,
        0::bigint as liability_fen,
        chosen.resend_of,
        chosen.grant_key,
        chosen.subscriber_id,
        chosen.msisdn,
        chosen.product_code,
        chosen.megabytes,
        chosen.valid_from,
        chosen.valid_to
    from chosen
)

select * from final
