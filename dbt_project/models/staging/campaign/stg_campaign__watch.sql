-- one row per version of what is watched; a view, since views depend on it: rebuilding a table would drop them
with versions as (
    select
        campaign_id,
        effective_from,
        terms,
        lag(effective_from) over (partition by campaign_id order by effective_from) as previous_from,
        lead(effective_from) over (partition by campaign_id order by effective_from) as next_from
    from {{ source('raw', 'campaign_terms') }}
),

final as (
    select
        campaign_id,
        case when previous_from is null then '-infinity'::date else effective_from end as valid_from,
        coalesce(next_from, 'infinity'::date) as valid_until,
        (terms -> 'intake' ->> 'delivered_by')::time as delivered_by,
        (terms -> 'watch' ->> 'finished_by')::time as finished_by,
        (terms -> 'watch' ->> 'stale_days')::integer as stale_days,
        (terms -> 'watch' ->> 'unanswered_days')::integer as unanswered_days,
        coalesce((terms -> 'recharge' ->> 'late_days')::integer, 0) as late_days
    from versions
)

select * from final
