with announcements as (
    select
        versions.campaign_id,
        max((templates.template ->> 'days_before_start')::integer) as days_before_start
    from {{ source('raw', 'campaign_terms') }} as versions
    cross join lateral jsonb_array_elements(versions.terms -> 'messages' -> 'templates') as templates (template)
    group by versions.campaign_id
),

final as (
    select
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        campaigns.starts_on,
        campaigns.ends_on,
        campaigns.starts_on - coalesce(announcements.days_before_start, 0) as announced_from,
        campaigns.priority,
        campaigns.control_share_bp,
        campaigns.control_salt
    from {{ source('raw', 'campaign') }} as campaigns
    left join announcements on campaigns.campaign_id = announcements.campaign_id
)

select * from final
