-- Requests for family numbers that only the lists can still refuse, each with the line in which it waits (rules, 5).
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- a request means a subscription, by whatever number
with recursive contenders as materialized (
    select
        judged.*,
        coalesce(judged.family_subscriber_id, judged.family_msisdn) as wanted,
        ended.ended_at
    from {{ ref('family_rule') }} as judged
    left join {{ ref('family_ended') }} as ended on judged.link_key = ended.link_key
    where judged.refusal is null
),

-- Requests of one subscriber are decided one after another. If lists exclude each other, so are those of all who want
-- the same subscription in this run, and of all who share a wish with them: they wait in one line.
rivals as materialized (
    select distinct
        wanting.campaign_id,
        wanting.wanted,
        wanting.subscriber_id,
        wanting.first_rival
    from (
        select
            campaign_id,
            wanted,
            subscriber_id,
            bool_or(is_exclusive) over wanters as is_exclusive,
            min(subscriber_id) over wanters as first_rival,
            max(subscriber_id) over wanters as last_rival
        from contenders
        window wanters as (partition by campaign_id, wanted)
    ) as wanting
    where wanting.is_exclusive and wanting.first_rival <> wanting.last_rival
),

connected as (
    select
        rivals.campaign_id,
        rivals.wanted,
        rivals.first_rival as line_head
    from rivals

    union

    select
        elsewhere.campaign_id,
        elsewhere.wanted,
        connected.line_head
    from connected
    inner join rivals as here on connected.campaign_id = here.campaign_id and connected.wanted = here.wanted
    inner join rivals as elsewhere
        on here.campaign_id = elsewhere.campaign_id and here.subscriber_id = elsewhere.subscriber_id
),

lines as (
    select
        rivals.campaign_id,
        rivals.subscriber_id,
        min(connected.line_head) as line_head
    from rivals
    inner join connected on rivals.campaign_id = connected.campaign_id and rivals.wanted = connected.wanted
    group by rivals.campaign_id, rivals.subscriber_id
),

final as (
    select
        contenders.*,
        coalesce(lines.line_head, contenders.subscriber_id) as line_head
    from contenders
    left join lines
        on contenders.campaign_id = lines.campaign_id and contenders.subscriber_id = lines.subscriber_id
)

select * from final -- noqa: AM04
