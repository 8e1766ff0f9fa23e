-- Rules 4: what a recharge has to meet besides what every request does, and what it earns. What is left to ask then is
-- whether there is a slot: of its subscriber in tier and month, of its customer in the month.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with offered as (
    select
        requests.*,
        terms.limit_per_tier_month,
        terms.customer_limit_per_month,
        tiers.face_fen as tier_face_fen,
        tiers.discount_fen,
        tiers.bonus_fen,
        tiers.instalments,
        requests.channel = any(terms.recharge_channels)
        and (requests.channel <> 'HALL' or requests.is_hall_designated) as is_channel_designated
    from {{ ref('int_request__judged') }} as requests
    inner join {{ ref('stg_campaign__terms') }} as terms on requests.terms_version = terms.terms_version
    left join lateral (
        select listed.*
        from {{ ref('stg_campaign__recharge_tiers') }} as listed
        where
            listed.campaign_id = terms.campaign_id
            and listed.terms_version = terms.terms_version
            and (
                listed.face_fen = requests.price_fen
                or (terms.tier_match = 'floor' and listed.face_fen <= requests.price_fen)
            )
        order by listed.face_fen desc
        limit 1
    ) as tiers on true
    where requests.feed = 'recharge' and requests.row_of_request = 1
),

ruled as (
    select
        offered.*,
        coalesce(
            offered.refusal_of_any,
            case
                when offered.tier_face_fen is null then 'TIER'
                when not offered.is_channel_designated then 'CHANNEL'
                when cardinality(offered.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
                when reversals.recharge_id is not null then 'REVERSED'
            end
        ) as refusal
    from offered
    left join {{ ref('int_recharge__reversals') }} as reversals on offered.request_id = reversals.recharge_id
),

-- campaigns that ask a limit of customers, in any version of their terms
capped as (
    select distinct campaign_id
    from {{ ref('stg_campaign__terms') }}
    where customer_limit_per_month is not null
),

final as (
    select
        ruled.*,
        -- said as a column: of `refusal is null` the planner expects five rows of a thousand
        ruled.refusal is not null as is_refused,
        {{ recharge_slots(
            'ruled.campaign_id', 'ruled.requested_month', 'ruled.subscriber_id', 'ruled.tier_face_fen',
            "case when capped.campaign_id is not null then ruled.customer_id end"
        ) }} as slots,
        array[ruled.limit_per_tier_month, ruled.customer_limit_per_month] as limits,
        ruled.requested_month as slot_month
    from ruled
    left join capped on ruled.campaign_id = capped.campaign_id
)

select * from final -- noqa: AM04
