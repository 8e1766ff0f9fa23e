-- The lists of family numbers that the requests of a line can meet, before the first of them.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with met as (
    select
        queued.campaign_id,
        queued.line_head,
        links.link_key,
        links.subscriber_id,
        links.family_subscriber_id,
        links.family_msisdn,
        links.begins_at,
        links.ends_at
    from {{ ref('family_queue') }} as queued
    inner join
        {{ ref('int_family_request__links') }} as links
        on queued.campaign_id = links.campaign_id and queued.subscriber_id = links.subscriber_id

    union

    select
        queued.campaign_id,
        queued.line_head,
        links.link_key,
        links.subscriber_id,
        links.family_subscriber_id,
        links.family_msisdn,
        links.begins_at,
        links.ends_at
    from {{ ref('family_queue') }} as queued
    inner join {{ ref('int_family_request__links') }} as links
        on queued.campaign_id = links.campaign_id and queued.family_subscriber_id = links.family_subscriber_id
    where queued.is_exclusive
),

final as (
    select
        met.campaign_id,
        met.line_head,
        jsonb_agg(
            jsonb_build_object(
                'link_key', met.link_key,
                'owner', met.subscriber_id,
                'family', met.family_subscriber_id,
                'msisdn', met.family_msisdn,
                'begins_at', met.begins_at,
                'ends_at', coalesce(met.ends_at, ended.ended_at)
            )
        ) as links
    from met
    left join {{ ref('family_ended') }} as ended on met.link_key = ended.link_key
    group by met.campaign_id, met.line_head
)

select * from final
