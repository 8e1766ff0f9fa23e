-- The family numbers (rules, 5), one row a decision: each request once, in the first run that sees it, by the first
-- reason that holds; and each link that ended of itself, in the first run that sees why (action END). A link lives from
-- its ADD until its REMOVE or END, all under one link_key.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['family_subscriber_id']},
        {'columns': ['link_key']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with recursive run as (
    select * from {{ ref('stg_run__current') }}
),

-- decisions that stand: what a broken-off pass left is about to be replaced
decided as not materialized (
    select decisions.*
    from {{ this }} as decisions
    cross join run
    where {{ is_standing('decisions') }}
),

judged as materialized (
    select requests.*
    from {{ ref('int_family_request__judged') }} as requests
    where
        not exists (
            select from decided
            where decided.decision_key = requests.decision_key
        )
),

-- links as they stood, and those that a late request would begin now
links as not materialized (
    select
        added.link_key,
        added.campaign_id,
        added.subscriber_id,
        added.customer_id,
        added.city_code,
        added.tenure_band,
        added.family_msisdn,
        added.family_subscriber_id,
        added.terms_version,
        added.effective_at as begins_at,
        ended.effective_at as ends_at,
        false as is_asked_for
    from decided as added
    left join decided as ended on added.link_key = ended.link_key and ended.action <> 'ADD'
    where added.reason = 'APPROVED'

    union all

    select
        judged.link_key,
        judged.campaign_id,
        judged.subscriber_id,
        judged.customer_id,
        judged.city_code,
        judged.tenure_band,
        judged.family_msisdn,
        judged.family_subscriber_id,
        judged.terms_version,
        judged.requested_at as begins_at,
        null::timestamp as ends_at,
        true as is_asked_for
    from judged
    cross join run
    where judged.action = 'ADD' and judged.refusal is null and judged.requested_on < run.business_date
),

-- links that never came to be: the carrier refused them for good
refused as (
    select
        setbacks.item_key as link_key,
        setbacks.file_stem,
        setbacks.line_no
    from {{ ref('int_outbox__setbacks') }} as setbacks
    inner join run on setbacks.answered_on = run.business_date
    where setbacks.interface = 'family_link' and setbacks.outcome = 'REFUSED'
),

-- links whose request was withdrawn: as if they had never been
withdrawn as (
    select
        added.link_key,
        voids.source_file,
        voids.source_line
    from {{ ref('int_family_request__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
    inner join decided as added on voids.request_id = added.request_id
    where
        added.reason = 'APPROVED'
        and (added.run_on, added.pass_no) < (voids.run_on, voids.pass_no)
),

changed as materialized (
    select distinct history.subscriber_id
    from {{ ref('int_subscriber__history') }} as history
    inner join run on history.run_on = run.business_date
),

touched as (
    select links.*
    from links
    inner join changed on links.subscriber_id = changed.subscriber_id

    union

    select links.*
    from links
    inner join changed on links.family_subscriber_id = changed.subscriber_id

    union

    select links.*
    from links
    inner join refused on links.link_key = refused.link_key

    union

    select links.*
    from links
    inner join withdrawn on links.link_key = withdrawn.link_key

    union

    select links.*
    from links
    where links.is_asked_for
),

-- a link ends when either side leaves the carrier, or when its number is no longer the same subscription's
ended as materialized (
    select distinct on (touched.link_key)
        touched.*,
        ends.reason,
        case
            when ends.reason in ('REFUSED', 'WITHDRAWN') then touched.begins_at
            else greatest(touched.begins_at, ends.state_on::timestamp)
        end as ended_at,
        ends.source_file,
        ends.source_line
    from touched
    cross join run
    left join refused on touched.link_key = refused.link_key
    left join withdrawn on touched.link_key = withdrawn.link_key
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = touched.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as owners on true
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = touched.family_subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as families on true
    cross join
        lateral (
            values
            (
                0,
                'WITHDRAWN',
                withdrawn.link_key is not null,
                null::date,
                withdrawn.source_file,
                withdrawn.source_line
            ),
            (1, 'REFUSED', refused.link_key is not null, null::date, refused.file_stem, refused.line_no::bigint),
            (2, 'CLOSED', owners.status = 'C', owners.state_on, owners.source_file, owners.source_line),
            (3, 'PORTED_OUT', owners.status = 'P', owners.state_on, owners.source_file, owners.source_line),
            (4, 'FAMILY_CLOSED', families.status = 'C', families.state_on, families.source_file, families.source_line),
            (
                5,
                'FAMILY_PORTED_OUT',
                families.status = 'P',
                families.state_on,
                families.source_file,
                families.source_line
            ),
            (
                6, 'NUMBER_CHANGED', families.is_present and (families.msisdn = touched.family_msisdn) is not true,
                families.state_on, families.source_file, families.source_line
            )
        ) as ends (place, reason, is_so, state_on, source_file, source_line)
    where touched.ends_at is null and ends.is_so
    order by touched.link_key, ends.place
),

-- those for whom the lists are left to ask; what is wanted is a subscription, by whatever number
contenders as materialized (
    select
        judged.*,
        coalesce(judged.family_subscriber_id, judged.family_msisdn) as wanted,
        ended.ended_at
    from judged
    left join ended on judged.link_key = ended.link_key
    where judged.refusal is null
),

-- Requests of one subscriber are decided one after another. Where lists exclude each other, so are those of all who
-- want the same subscription in this run, and of all who want what they want: they wait in one line.
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

queued as materialized (
    select
        contenders.*,
        coalesce(lines.line_head, contenders.subscriber_id) as line_head
    from contenders
    left join lines
        on contenders.campaign_id = lines.campaign_id and contenders.subscriber_id = lines.subscriber_id
),

-- the links that the requests of a line can meet
met as (
    select
        queued.campaign_id,
        queued.line_head,
        links.link_key,
        links.subscriber_id,
        links.family_subscriber_id,
        links.family_msisdn,
        links.begins_at,
        links.ends_at
    from queued
    inner join links on queued.campaign_id = links.campaign_id and queued.subscriber_id = links.subscriber_id
    where not links.is_asked_for

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
    from queued
    inner join links
        on queued.campaign_id = links.campaign_id and queued.family_subscriber_id = links.family_subscriber_id
    where queued.is_exclusive and not links.is_asked_for
),

lists as (
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
    left join ended on met.link_key = ended.link_key
    group by met.campaign_id, met.line_head
),

-- who gives way to whom, on the days of this run's requests
exclusions as materialized (
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
        ) as place
    from queued
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
        0::bigint as place,
        null::text as decision_key,
        null::text as reason,
        null::text as link_key,
        coalesce(lists.links, '[]'::jsonb) as links
    from queue_{{ round }} as queue
    left join lists on queue.campaign_id = lists.campaign_id and queue.line_head = lists.line_head
    where queue.place = 1

    union all

    select
        queue.campaign_id,
        queue.line_head,
        queue.place,
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
            and walked.place + 1 = queue.place
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
                when queue.action = 'REMOVE' and met.link_key is not null then 'REMOVED'
                when queue.action = 'REMOVE' then 'NOT_LINKED'
                when met.places >= queue.family_limit then 'QUOTA'
                when queue.is_self then 'SELF'
                when met.is_linked then 'DUPLICATE'
                when not queue.is_ours then 'NOT_OURS'
                when queue.is_exclusive and met.is_taken then 'TAKEN'
                else 'APPROVED'
            end
        )
    ) as outcomes (reason)
),

{% if round == 'alone' %}
excluded as materialized (
    select distinct queued.decision_key
    from exclusions
    inner join queue_alone on exclusions.gives_way_to = queue_alone.campaign_id
    inner join walked_alone on queue_alone.decision_key = walked_alone.decision_key
    inner join queued on exclusions.campaign_id = queued.campaign_id and queue_alone.request_id = queued.request_id
    where
        walked_alone.reason in ('APPROVED', 'DUPLICATE')
        and queued.action = 'ADD'
        and queued.requested_at >= exclusions.holds_from
        and queued.requested_at < exclusions.holds_until
),

{% endif %}
{% endfor %}
decisions as (
    select
        judged.decision_key,
        judged.campaign_id,
        judged.action,
        judged.request_id,
        coalesce(judged.refusal, walked.reason, 'EXCLUSIVE') as reason,
        case when judged.refusal = 'NOT_ELIGIBLE' then judged.ineligibility_reasons[1] end as not_eligible_reason,
        judged.ineligibility_reasons,
        judged.subscriber_id,
        judged.customer_id,
        judged.city_code,
        judged.tenure_band,
        judged.requested_at as effective_at,
        judged.channel,
        judged.staff_id,
        judged.family_msisdn,
        judged.family_subscriber_id,
        walked.link_key,
        judged.family_limit,
        judged.terms_version,
        judged.source_file,
        judged.source_line
    from judged
    left join walked_beside as walked on judged.decision_key = walked.decision_key

    union all

    select
        {{ content_key(['ended.link_key', "'END'"]) }} as decision_key,
        ended.campaign_id,
        'END' as action,
        null as request_id,
        ended.reason,
        null as not_eligible_reason,
        null as ineligibility_reasons,
        ended.subscriber_id,
        ended.customer_id,
        ended.city_code,
        ended.tenure_band,
        ended.ended_at as effective_at,
        null as channel,
        null as staff_id,
        ended.family_msisdn,
        ended.family_subscriber_id,
        ended.link_key,
        null as family_limit,
        ended.terms_version,
        ended.source_file,
        ended.source_line
    from ended
    where
        not ended.is_asked_for
        or ended.link_key in (
            select walked.link_key
            from walked_beside as walked
            where walked.reason = 'APPROVED'
        )
),

final as (
    select
        decisions.decision_key,
        decisions.campaign_id,
        decisions.action,
        decisions.request_id,
        decisions.reason,
        decisions.not_eligible_reason,
        decisions.ineligibility_reasons,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        decisions.effective_at,
        decisions.channel,
        decisions.staff_id,
        decisions.family_msisdn,
        decisions.family_subscriber_id,
        decisions.link_key,
        -- one key for a link's beginning, one for its end, by whatever it ends
        case
            when decisions.reason = 'APPROVED' then decisions.link_key
            when decisions.link_key is not null then {{ content_key(['decisions.link_key', "'REMOVE'"]) }}
        end as grant_key,
        decisions.family_limit,
        decisions.terms_version,
        decisions.source_file,
        decisions.source_line,
        run.business_date as run_on,
        run.pass_no
    from decisions
    cross join run
)

select * from final
