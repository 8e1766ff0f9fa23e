-- The discount of a granted recharge, taken out of the books when the recharge is reversed (rules, 4.8), or when the
-- row is withdrawn that was decided (rules, 12).
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

new_reversals as (
    select
        reversals.recharge_id,
        null::text as life_id,
        reversals.reversal_id,
        reversals.reversed_on,
        'REVERSED' as reason,
        reversals.source_file,
        reversals.source_line
    from {{ ref('int_recharge__reversals') }} as reversals
    inner join run on reversals.seen_on = run.business_date

    union all

    select
        voids.recharge_id,
        voids.life_id,
        voids.recharge_id as reversal_id,
        voids.run_on as reversed_on,
        voids.because as reason,
        voids.source_file,
        voids.source_line
    from {{ ref('int_recharge__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
),

final as (
    select distinct on (decisions.grant_key)
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
        reversals.reason,
        decisions.terms_version,
        reversals.source_file,
        reversals.source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ given('recharge_decisions') }} as decisions
    inner join new_reversals as reversals
        on
            decisions.recharge_id = reversals.recharge_id
            and decisions.life_id = coalesce(reversals.life_id, decisions.life_id)
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where known.grant_key = decisions.grant_key and {{ is_standing('known') }}
        )
    order by decisions.grant_key, reversals.reversal_id
)

select * from final
