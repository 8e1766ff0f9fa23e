-- The subsidy of a granted device, taken out of the books when the device is returned (rules, 6), or when the payment
-- is withdrawn that was decided (rules, 12).
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

new_returns as (
    select
        given_back.order_id,
        null::text as life_id,
        given_back.returned_on,
        'RETURNED' as reason,
        given_back.source_file,
        given_back.source_line
    from {{ ref('int_device_order__returns') }} as given_back
    inner join run on given_back.seen_on = run.business_date

    union all

    select
        voids.order_id,
        voids.life_id,
        voids.run_on as returned_on,
        voids.because as reason,
        voids.source_file,
        voids.source_line
    from {{ ref('int_device_order__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
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
        given_back.returned_on,
        least(decisions.entitled_fen, decisions.applied_fen) as amount_fen,
        given_back.reason,
        decisions.list_price_fen,
        decisions.paid_price_fen,
        decisions.terms_version,
        given_back.source_file,
        given_back.source_line,
        run.business_date as run_on,
        run.pass_no
    from new_returns as given_back
    cross join run
    inner join {{ given('device_decisions') }} as decisions
        on
            given_back.order_id = decisions.order_id
            and decisions.life_id = coalesce(given_back.life_id, decisions.life_id)
    where
        not exists (
            select from {{ this }} as known
            where known.changes_key = decisions.grant_key and {{ is_standing('known') }}
        )
    order by decisions.grant_key, given_back.returned_on
)

select * from final
