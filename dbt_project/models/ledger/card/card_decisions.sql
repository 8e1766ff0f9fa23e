-- Each claim of a video card decided once (rules, 7): the first reason that applies, else GRANTED with a code, or
-- WAITING for one. A claim that waited is decided a second time: GRANTED when stock has come, LAPSED when its member
-- has left the carrier, WITHDRAWN when its delivery is. An issued code stays issued. First come, first served, by time,
-- then claim id; the code that expires first goes first.
--
-- Each code is used once, and each claim has one code: of the rows of a claim one at most is not WAITING (the key), a
-- code stands in one row at most (its unique index), over all campaigns.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['code_reference'], 'unique': true},
        {'columns': ['subscriber_id', 'claimed_month']},
        {'columns': ['claim_id']},
        {'columns': ['reason']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

decided as not materialized (
    select decisions.*
    from {{ this }} as decisions
    cross join run
    where {{ is_current('decisions') }}
),

claims as materialized (
    select * from {{ ref('card_line') }}
),

free_codes as (
    select
        stock.*,
        row_number() over (
            partition by stock.platform
            -- of one day's codes the one delivered first; the reference separates those of a line delivered again
            order by stock.expires_on, stock.source_file, stock.source_line, stock.code_reference
        ) as ordinal
    from {{ ref('int_card__stock') }} as stock
    cross join run
    where
        stock.is_first_row
        and stock.received_on <= run.next_date
        and stock.expires_on >= run.next_date
        and exists (select from claims)
        and stock.code_reference not in (
            select decided.code_reference from decided
            where decided.code_reference is not null
        )
),

served as (
    select
        claims.*,
        free_codes.code_reference,
        free_codes.code_length,
        free_codes.expires_on,
        free_codes.cost_fen,
        case
            when claims.refusal is not null then claims.refusal
            when free_codes.code_reference is not null then 'GRANTED'
            when claims.has_waited and claims.has_left then 'LAPSED'
            else 'WAITING'
        end as reason
    from claims
    left join free_codes
        on claims.is_served and claims.platform = free_codes.platform and claims.ordinal = free_codes.ordinal
),

keyed as (
    select
        served.*,
        case served.reason
            when 'CONFLICT'
                then {{ content_key([
                    'served.campaign_id', "'CARD'", 'served.subscriber_id', 'served.claim_id', 'served.claimed_at',
                    'served.platform', "'CONFLICT'",
                ]) }}
            else {{ content_key([
                'served.grant_key', "case when served.reason in ('WAITING', 'WITHDRAWN') then served.reason end"
            ]) }}
        end as decision_key
    from served
),

final as (
    select
        keyed.decision_key,
        keyed.campaign_id,
        keyed.claim_id,
        keyed.subscriber_id,
        keyed.claimed_at,
        keyed.claimed_on,
        keyed.claimed_month,
        keyed.platform,
        keyed.content_hash,
        keyed.reason,
        keyed.grant_key,
        keyed.code_reference,
        keyed.code_length,
        keyed.expires_on,
        keyed.customer_id,
        keyed.city_code,
        keyed.tenure_band,
        keyed.cost_fen,
        keyed.terms_version,
        keyed.source_file,
        keyed.source_line,
        run.business_date,
        run.attempt_no
    from keyed
    cross join run
    where
        not exists (
            select from decided
            where decided.decision_key = keyed.decision_key
        )
)

select * from final
