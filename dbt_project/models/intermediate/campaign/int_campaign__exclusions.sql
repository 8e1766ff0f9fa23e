-- which campaign gives way to which: of two that either declares exclusive in a benefit, the one of lower priority; at
-- equal priority, the one whose id comes later ephemeral: a view would go with the table of terms, which is rebuilt
-- each day
{{ config(materialized='ephemeral') }}

with declared as (
    select
        terms.campaign_id,
        others.other_id,
        exclusions.declared ->> 'benefit' as benefit,
        terms.valid_from,
        terms.valid_until
    from {{ ref('stg_campaign__terms') }} as terms
    cross join lateral jsonb_array_elements(terms.terms -> 'stacking' -> 'exclusive') as exclusions (declared)
    cross join lateral jsonb_array_elements_text(exclusions.declared -> 'campaigns') as others (other_id)
),

final as (
    select distinct
        loses.campaign_id,
        wins.campaign_id as gives_way_to,
        declared.benefit,
        declared.valid_from,
        declared.valid_until
    from declared
    inner join {{ ref('stg_campaign__campaigns') }} as loses
        on loses.campaign_id in (declared.campaign_id, declared.other_id)
    inner join {{ ref('stg_campaign__campaigns') }} as wins
        on
            wins.campaign_id in (declared.campaign_id, declared.other_id)
            and (
                loses.priority < wins.priority
                or (loses.priority = wins.priority and loses.campaign_id > wins.campaign_id)
            )
)

select * from final
