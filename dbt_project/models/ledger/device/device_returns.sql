-- The subsidy of a granted device, reversed in the books when the device is returned (rules, 6), or when the decided
-- payment is withdrawn (rules, 12).
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['business_date'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (decisions.grant_key)
        decisions.campaign_id,
        decisions.grant_key as changes_key,
        {{ content_key(['decisions.grant_key', "'RETURNED'"]) }} as grant_key,
        decisions.order_id,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        undone.undone_on as returned_on,
        least(decisions.entitled_fen, decisions.applied_fen) as amount_fen,
        undone.reason,
        decisions.list_price_fen,
        decisions.paid_price_fen,
        decisions.terms_version,
        undone.source_file,
        undone.source_line,
        run.business_date,
        run.attempt_no
    from {{ funded_grants('device_decisions') }} as decisions
    inner join {{ ref('int_request__undone') }} as undone
        on
            undone.feed = 'device_order'
            and decisions.order_id = undone.request_id
            and decisions.life_id = coalesce(undone.life_id, decisions.life_id)
    inner join run on undone.seen_on = run.business_date
    where
        not exists (
            select from {{ this }} as known
            where known.changes_key = decisions.grant_key and {{ is_current('known') }}
        )
    order by decisions.grant_key, undone.undone_on
)

select * from final
