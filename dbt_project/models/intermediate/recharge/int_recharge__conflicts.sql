-- recharge ids under which rows with different content have arrived; a person has to choose (rules, 4.10)
{{ config(materialized='incremental') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct
        events.recharge_id,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_pass('events') }}
    inner join {{ ref('int_recharge__events') }} as others
        on events.recharge_id = others.recharge_id and events.content_hash <> others.content_hash
    {% if is_incremental() %}
    where
        not exists (
            select from {{ this }} as known
            where known.recharge_id = events.recharge_id and {{ is_standing('known') }}
        )
    {% endif %}
)

select * from final
