-- Who of those who contend finds a slot in each line that he stands in (GRANTED), who does not (LIMIT), and who gives
-- way to an exclusive campaign (EXCLUSIVE): the order is that of the requests' time, then id; whoever lacks one slot
-- takes none. The lines are walked twice: each campaign alone, then without what an exclusive one grants, which takes
-- no slot.
{{ config(materialized='refilled') }}

with in_line as materialized (
    select * from {{ ref('request_lines') }}
),

-- who gives way to whom, on the days of this run's requests
exclusions as materialized (
    select exclusions.*
    from {{ ref('int_campaign__exclusions') }} as exclusions
),

-- what an exclusive campaign has granted in an earlier run, of higher priority or not
excluded_before as (
    select
        in_line.feed,
        in_line.campaign_id,
        in_line.request_id
    from exclusions
    inner join in_line
        on
            exclusions.benefit = in_line.benefit
            and in_line.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and exclusions.valid_from <= in_line.requested_at and exclusions.valid_until > in_line.requested_at
    inner join {{ ref('int_request__decided') }} as decided
        on
            in_line.request_id = decided.request_id
            and in_line.feed = decided.feed
            and in_line.campaign_id <> decided.campaign_id
            and decided.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and decided.reason = 'GRANTED'
),

{% for round in ['alone', 'beside'] %}
granted_{{ round }} as (
    select placed.*
    from (
        select
            in_line.feed,
            in_line.campaign_id,
            in_line.request_id,
            {{ function('finds_slots') }}(in_line.slots, in_line.rooms) over (
                partition by in_line.feed, in_line.campaign_id, in_line.party
                order by in_line.requested_at, in_line.request_id
                rows between unbounded preceding and current row
            ) as has_slots
        from in_line
        where
            (in_line.feed, in_line.campaign_id, in_line.request_id) not in (
                select
                    excluded.feed,
                    excluded.campaign_id,
                    excluded.request_id
                from {{ 'excluded_before' if round == 'alone' else 'excluded' }} as excluded
            )
    ) as placed
    where placed.has_slots
),

{% if round == 'alone' %}
excluded as materialized (
    select
        in_line.feed,
        exclusions.campaign_id,
        in_line.request_id
    from exclusions
    inner join granted_alone on exclusions.gives_way_to = granted_alone.campaign_id
    inner join in_line
        on
            exclusions.benefit = in_line.benefit
            and exclusions.campaign_id = in_line.campaign_id
            and granted_alone.feed = in_line.feed
            and granted_alone.request_id = in_line.request_id
            and exclusions.valid_from <= in_line.requested_at and exclusions.valid_until > in_line.requested_at

    union

    select
        excluded_before.feed,
        excluded_before.campaign_id,
        excluded_before.request_id
    from excluded_before
),

{% endif %}
{% endfor %}
final as (
    select
        in_line.feed,
        in_line.campaign_id,
        in_line.request_id,
        case
            when granted_beside.request_id is not null then 'GRANTED'
            when excluded.request_id is not null then 'EXCLUSIVE'
            else 'LIMIT'
        end as outcome,
        in_line.has_waited,
        in_line.source_file,
        in_line.source_line
    from in_line
    left join granted_beside
        on
            in_line.request_id = granted_beside.request_id
            and in_line.feed = granted_beside.feed
            and in_line.campaign_id = granted_beside.campaign_id
    left join excluded
        on
            in_line.request_id = excluded.request_id
            and in_line.feed = excluded.feed
            and in_line.campaign_id = excluded.campaign_id
)

select * from final
