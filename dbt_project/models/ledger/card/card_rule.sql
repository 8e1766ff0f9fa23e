-- Rules 7: a card claim's own conditions, besides those of every request. A claim names no campaign: if several would
-- grant it, the one of highest priority does. Then only the month's limit is left to check.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with offered as (
    select
        requests.*,
        (terms.terms -> 'cards' ->> 'limit_per_month')::integer as limit_per_month,
        coalesce(
            -- an issued code stays, even if its claim was withdrawn; a later row of the id is other content
            case
                when
                    exists (
                        select from {{ ref('int_request__decided') }} as decided
                        where
                            decided.feed = 'card_claim'
                            and decided.request_id = requests.request_id
                            and decided.campaign_id = requests.campaign_id
                            and decided.reason = 'GRANTED'
                    )
                    then 'CONFLICT'
            end,
            requests.refusal_of_any,
            case
                when
                    not jsonb_path_exists(
                        terms.terms, '$.cards.platforms[*] ? (@.code == $code)',
                        jsonb_build_object('code', requests.item_code)
                    )
                    then 'PLATFORM'
                -- a subscriber who came to a control customer on this very day is a member until its end
                when not requests.is_member or requests.is_control then 'NOT_MEMBER'
                when coalesce(requests.status, '') <> 'A' then 'NOT_ACTIVE'
            end
        ) as own_refusal
    from {{ ref('int_request__judged') }} as requests
    inner join {{ ref('stg_campaign__terms') }} as terms on requests.terms_version = terms.terms_version
    where requests.feed = 'card_claim'
),

ruled as (
    select
        offered.*,
        coalesce(
            offered.own_refusal,
            case
                when
                    row_number() over (
                        partition by offered.request_id, offered.own_refusal is null
                        order by offered.priority desc, offered.campaign_id asc
                    ) > 1
                    then 'OTHER_CAMPAIGN'
            end
        ) as refusal
    from offered
),

final as (
    select
        ruled.*,
        ruled.refusal is not null as is_refused,
        {{ content_key(['ruled.campaign_id', "'CARD'", 'ruled.subscriber_id', 'ruled.life_id']) }} as grant_key,
        {{ card_slots('ruled.campaign_id', 'ruled.requested_month', 'ruled.subscriber_id') }} as slots,
        array[ruled.limit_per_month, null] as limits,
        ruled.requested_month as slot_month
    from ruled
)

select * from final -- noqa: AM04
