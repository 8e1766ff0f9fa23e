-- Each recharge decided once, in the first run that sees it, by the first reason that holds (rules, 4). A recharge
-- refused for LIMIT whose slot is given back by a reversal gets a second decision, GRANTED; one in conflict gets its
-- second when a person has chosen a row; so does one decided on a row, or for a reversal, that was withdrawn since.
-- Nothing is ever rewritten.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id', 'recharged_month']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

new_decisions as (
    select
        ruled.campaign_id,
        ruled.request_id as recharge_id,
        coalesce(ruled.refusal, placements.outcome) as reason,
        ruled.ineligibility_reasons,
        ruled.subscriber_id,
        ruled.customer_id,
        ruled.city_code,
        ruled.tenure_band,
        ruled.requested_at as recharged_at,
        ruled.requested_on as recharged_on,
        ruled.requested_month as recharged_month,
        ruled.channel,
        ruled.hall_code,
        ruled.staff_id,
        ruled.price_fen as face_fen,
        ruled.paid_fen,
        ruled.tier_face_fen,
        ruled.discount_fen,
        ruled.bonus_fen,
        ruled.instalments,
        ruled.limit_per_tier_month,
        ruled.customer_limit_per_month,
        ruled.life_id,
        ruled.terms_version,
        ruled.source_file,
        ruled.source_line
    from {{ ref('recharge_rule') }} as ruled
    left join {{ ref('request_placements') }} as placements
        on
            ruled.request_id = placements.request_id
            and ruled.feed = placements.feed
            and ruled.campaign_id = placements.campaign_id
            and not placements.has_waited

    union all

    select
        waiting.campaign_id,
        waiting.recharge_id,
        placements.outcome as reason,
        waiting.ineligibility_reasons,
        waiting.subscriber_id,
        waiting.customer_id,
        waiting.city_code,
        waiting.tenure_band,
        waiting.recharged_at,
        waiting.recharged_on,
        waiting.recharged_month,
        waiting.channel,
        waiting.hall_code,
        waiting.staff_id,
        waiting.face_fen,
        waiting.paid_fen,
        waiting.tier_face_fen,
        waiting.discount_fen,
        waiting.bonus_fen,
        waiting.instalments,
        waiting.limit_per_tier_month,
        waiting.customer_limit_per_month,
        waiting.life_id,
        waiting.terms_version,
        waiting.source_file,
        waiting.source_line
    from {{ ref('request_placements') }} as placements
    cross join run
    inner join {{ this }} as waiting
        on
            placements.request_id = waiting.recharge_id
            and placements.campaign_id = waiting.campaign_id
            and placements.source_file = waiting.source_file
            and placements.source_line = waiting.source_line
            and waiting.reason = 'LIMIT'
            and {{ is_current('waiting') }}
    where placements.has_waited and placements.feed = 'recharge' and placements.outcome = 'GRANTED'
),

checked as (
    select
        new_decisions.*,
        {{ content_key([
            'new_decisions.campaign_id', "'RECHARGE'", 'new_decisions.subscriber_id', 'new_decisions.life_id'
        ]) }} as grant_key,
        case when new_decisions.reason = 'NOT_ELIGIBLE' then new_decisions.ineligibility_reasons[1] end
            as not_eligible_reason,
        case when new_decisions.reason = 'GRANTED' then new_decisions.discount_fen else 0 end as entitled_fen,
        greatest(new_decisions.face_fen - new_decisions.paid_fen, 0) as applied_fen
    from new_decisions
),

final as (
    select
        checked.*,
        {{ applied_check('checked') }} as discount_check,
        run.business_date as decided_on,
        run.business_date,
        run.attempt_no
    from checked
    cross join run
)

select * from final
