-- Each device order decided once, in the first run that sees its payment, by the first reason that applies (rules, 6).
-- If one was refused for LIMIT and a return frees a slot, it gets a second decision, GRANTED. Nothing is ever
-- rewritten.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

new_decisions as (
    select
        ruled.campaign_id,
        ruled.request_id as order_id,
        coalesce(ruled.refusal, placements.outcome) as reason,
        ruled.ineligibility_reasons,
        ruled.subscriber_id,
        ruled.customer_id,
        ruled.city_code,
        ruled.tenure_band,
        ruled.requested_at as ordered_at,
        ruled.requested_on as ordered_on,
        ruled.item_code as sku,
        ruled.channel,
        ruled.hall_code,
        ruled.staff_id,
        ruled.list_price_fen,
        ruled.price_fen as order_list_price_fen,
        ruled.paid_fen as paid_price_fen,
        ruled.rate_bp,
        ruled.discounted_price_fen,
        ruled.device_limit,
        ruled.life_id,
        ruled.terms_version,
        ruled.source_file,
        ruled.source_line
    from {{ ref('device_rule') }} as ruled
    left join {{ ref('request_placements') }} as placements
        on
            ruled.request_id = placements.request_id
            and ruled.feed = placements.feed
            and ruled.campaign_id = placements.campaign_id
            and not placements.has_waited

    union all

    select
        waiting.campaign_id,
        waiting.order_id,
        placements.outcome as reason,
        waiting.ineligibility_reasons,
        waiting.subscriber_id,
        waiting.customer_id,
        waiting.city_code,
        waiting.tenure_band,
        waiting.ordered_at,
        waiting.ordered_on,
        waiting.sku,
        waiting.channel,
        waiting.hall_code,
        waiting.staff_id,
        waiting.list_price_fen,
        waiting.order_list_price_fen,
        waiting.paid_price_fen,
        waiting.rate_bp,
        waiting.discounted_price_fen,
        waiting.device_limit,
        waiting.life_id,
        waiting.terms_version,
        waiting.source_file,
        waiting.source_line
    from {{ ref('request_placements') }} as placements
    cross join run
    inner join {{ this }} as waiting
        on
            placements.request_id = waiting.order_id
            and placements.campaign_id = waiting.campaign_id
            and placements.source_file = waiting.source_file
            and placements.source_line = waiting.source_line
            and waiting.reason = 'LIMIT'
            and {{ is_current('waiting') }}
    where placements.has_waited and placements.feed = 'device_order' and placements.outcome = 'GRANTED'
),

checked as (
    select
        new_decisions.*,
        case
            when new_decisions.reason = 'GRANTED' then new_decisions.list_price_fen - new_decisions.discounted_price_fen
            else 0
        end as entitled_fen,
        -- paying more than the list price is a discount of zero, never a negative one
        case
            when new_decisions.paid_price_fen > new_decisions.list_price_fen then 0
            else new_decisions.list_price_fen - new_decisions.paid_price_fen
        end as applied_fen
    from new_decisions
),

final as (
    select
        checked.*,
        case when checked.reason = 'NOT_ELIGIBLE' then checked.ineligibility_reasons[1] end as not_eligible_reason,
        checked.list_price_fen - checked.entitled_fen as entitled_price_fen,
        {{ applied_check('checked') }} as price_check,
        checked.list_price_fen - checked.discounted_price_fen as cost_fen,
        {{ content_key([
            'checked.campaign_id', "case checked.reason when 'GRANTED' then 'DEVICE' else 'DEVICE_REFUSED' end",
            'checked.subscriber_id', 'checked.life_id'
        ]) }} as grant_key,
        run.business_date,
        run.attempt_no
    from checked
    cross join run
)

select * from final
