-- The discount of a granted recharge, taken out of the books when the recharge is reversed (rules, 4.8), or when the
-- row is withdrawn that was decided (rules, 12).
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
        decisions.grant_key,
        decisions.recharge_id,
        undone.undone_by as reversal_id,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        undone.undone_on as reversed_on,
        least(decisions.entitled_fen, decisions.applied_fen) as amount_fen,
        undone.reason,
        decisions.terms_version,
        undone.source_file,
        undone.source_line,
        run.business_date,
        run.attempt_no
    from {{ funded_grants('recharge_decisions') }} as decisions
    inner join {{ ref('int_request__undone') }} as undone
        on
            undone.feed = 'recharge'
            and decisions.recharge_id = undone.request_id
            and decisions.life_id = coalesce(undone.life_id, decisions.life_id)
    inner join run on undone.seen_on = run.business_date
    where
        not exists (
            select from {{ this }} as known
            where known.grant_key = decisions.grant_key and {{ is_current('known') }}
        )
    order by decisions.grant_key, undone.undone_by
)

select * from final
