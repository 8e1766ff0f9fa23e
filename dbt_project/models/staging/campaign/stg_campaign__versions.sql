-- one row per version of the terms, as written; a view, since views depend on it: rebuilding a table would drop them
with versions as (
    select
        campaign_id,
        terms_version,
        effective_from,
        terms,
        lag(effective_from) over (partition by campaign_id order by effective_from) as previous_from,
        lead(effective_from) over (partition by campaign_id order by effective_from) as next_from
    from {{ source('raw', 'campaign_terms') }}
),

final as (
    select
        campaign_id,
        terms_version,
        case when previous_from is null then '-infinity'::date else effective_from end as valid_from,
        coalesce(next_from, 'infinity'::date) as valid_until,
        terms
    from versions
)

select * from final
