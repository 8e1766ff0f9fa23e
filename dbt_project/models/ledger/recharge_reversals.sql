-- The discount of a granted recharge, taken out of the books when the recharge is reversed (rules, 4.8).
{{ config(
    materialized='incremental',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select
        decisions.campaign_id,
        decisions.grant_key,
        decisions.recharge_id,
        reversals.reversal_id,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        reversals.reversed_on,
        least(decisions.entitled_fen, decisions.applied_fen) as amount_fen,
        decisions.terms_version,
        reversals.source_file,
        reversals.source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ given('recharge_decisions') }} as decisions
    inner join {{ ref('int_recharge__reversals') }} as reversals on decisions.recharge_id = reversals.recharge_id
    inner join run on reversals.seen_on = run.business_date
    where
        not exists (
            select from {{ this }} as known
            where known.grant_key = decisions.grant_key and {{ is_standing('known') }}
        )
)

select * from final
