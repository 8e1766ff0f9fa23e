with versions as (
    select
        campaign_id,
        effective_from,
        terms,
        lead(effective_from) over (partition by campaign_id order by effective_from) as next_from
    from {{ source('raw', 'campaign_terms') }}
),

announcements as (
    select
        versions.campaign_id,
        max((templates.template ->> 'days_before_start')::integer) as days_before_start
    from versions
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
        campaigns.starts_on
        - greatest(
            announcements.days_before_start, (first_terms.terms -> 'phases' ->> 'warm_up_days')::integer, 0
        ) as warm_up_from,
        campaigns.ends_on
        + coalesce(
            (last_terms.terms -> 'phases' ->> 'follow_up_days')::integer,
            (last_terms.terms -> 'recharge' ->> 'late_days')::integer,
            0
        ) as follow_up_until,
        jsonb_typeof(first_terms.terms -> 'readiness') = 'object' is true as has_to_be_ready,
        campaigns.priority,
        campaigns.control_share_bp,
        campaigns.control_salt
    from {{ source('raw', 'campaign') }} as campaigns
    inner join versions as first_terms
        on
            campaigns.campaign_id = first_terms.campaign_id
            and campaigns.starts_on >= first_terms.effective_from
            and (first_terms.next_from is null or campaigns.starts_on < first_terms.next_from)
    inner join versions as last_terms
        on
            campaigns.campaign_id = last_terms.campaign_id
            and campaigns.ends_on >= last_terms.effective_from
            and (last_terms.next_from is null or campaigns.ends_on < last_terms.next_from)
    left join announcements on campaigns.campaign_id = announcements.campaign_id
)

select * from final
