-- What the lists decide on each request for a family number (rules, 5), and the link that results.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with recursive exclusions as materialized (
    select exclusions.*
    from {{ ref('int_campaign__exclusions') }} as exclusions
    where exclusions.benefit = 'family_numbers'
),

-- each line walked from its first request to its last, with the lists as each request leaves them. A place is free for
-- a request if no link has held it at any time since: a late one takes none that another has had. They are walked
-- twice: those of campaigns that others give way to, each alone; then all, without what an exclusive one approves.
{% for round in ['alone', 'beside'] %}
queue_{{ round }} as materialized (
    select
        queued.*,
        row_number() over (
            partition by queued.campaign_id, queued.line_head order by queued.requested_at, queued.request_id
        ) as ordinal
    from {{ ref('family_queue') }} as queued
    {% if round == 'alone' %}
    where queued.campaign_id in (select exclusions.gives_way_to from exclusions)
    {% else %}
    where queued.decision_key not in (select excluded.decision_key from excluded)
    {% endif %}
),

walked_{{ round }} as (
    select
        queue.campaign_id,
        queue.line_head,
        0::bigint as ordinal,
        null::text as decision_key,
        null::text as reason,
        null::text as link_key,
        coalesce(lists.links, '[]'::jsonb) as links
    from queue_{{ round }} as queue
    left join
        {{ ref('family_lists') }} as lists
        on queue.campaign_id = lists.campaign_id and queue.line_head = lists.line_head
    where queue.ordinal = 1

    union all

    select
        queue.campaign_id,
        queue.line_head,
        queue.ordinal,
        queue.decision_key,
        outcomes.reason,
        case outcomes.reason when 'APPROVED' then queue.link_key when 'REMOVED' then met.link_key end as link_key,
        case outcomes.reason
            when 'APPROVED'
                then walked.links || jsonb_build_object(
                    'link_key', queue.link_key,
                    'owner', queue.subscriber_id,
                    'family', queue.family_subscriber_id,
                    'msisdn', queue.family_msisdn,
                    'begins_at', queue.requested_at,
                    'ends_at', queue.ended_at
                )
            when 'REMOVED'
                then (
                    select
                        jsonb_agg(
                            case entries.entry ->> 'link_key'
                                when met.link_key
                                    then entries.entry || jsonb_build_object('ends_at', queue.requested_at)
                                else entries.entry
                            end
                        )
                    from jsonb_array_elements(walked.links) as entries (entry)
                )
            else walked.links
        end as links
    from walked_{{ round }} as walked
    inner join queue_{{ round }} as queue
        on
            walked.campaign_id = queue.campaign_id
            and walked.line_head = queue.line_head
            and walked.ordinal + 1 = queue.ordinal
    cross join
        lateral (
            select
                count(*) filter (where held.owner = queue.subscriber_id) as places,
                bool_or(
                    held.owner = queue.subscriber_id
                    and (held.msisdn = queue.family_msisdn or held.family = queue.family_subscriber_id)
                ) as is_linked,
                bool_or(
                    held.owner <> queue.subscriber_id
                    and (held.msisdn = queue.family_msisdn or held.family = queue.family_subscriber_id)
                ) as is_taken,
                min(
                    case
                        when
                            held.owner = queue.subscriber_id
                            and held.msisdn = queue.family_msisdn
                            and held.begins_at <= queue.requested_at
                            and held.ends_at is null
                            then held.link_key
                    end
                ) as link_key
            from
                jsonb_to_recordset(walked.links) as held (
                    link_key text, owner text, family text, msisdn text, begins_at timestamp, ends_at timestamp
                )
            where held.ends_at is null or held.ends_at > queue.requested_at
        ) as met
    cross join lateral (
        values (
            case
                when queue.event = 'REMOVE' and met.link_key is not null then 'REMOVED'
                when queue.event = 'REMOVE' then 'NOT_LINKED'
                when met.places >= queue.family_limit then 'QUOTA'
                when queue.is_self then 'SELF'
                when met.is_linked then 'DUPLICATE'
                when not queue.is_ours then 'NOT_OURS'
                when queue.is_exclusive and met.is_taken then 'TAKEN'
                else 'APPROVED'
            end
        )
    ) as outcomes (reason)
){{ ',' if round == 'alone' }}

{% if round == 'alone' %}
excluded as materialized (
    select distinct queued.decision_key
    from exclusions
    inner join queue_alone on exclusions.gives_way_to = queue_alone.campaign_id
    inner join walked_alone on queue_alone.decision_key = walked_alone.decision_key
    inner join {{ ref('family_queue') }} as queued
        on exclusions.campaign_id = queued.campaign_id and queue_alone.request_id = queued.request_id
    where
        walked_alone.reason in ('APPROVED', 'DUPLICATE')
        and queued.event = 'ADD'
        and queued.requested_at >= exclusions.valid_from
        and queued.requested_at < exclusions.valid_until
),

{% endif %}
{% endfor %}

select
    decision_key,
    reason,
    link_key
from walked_beside
where decision_key is not null
