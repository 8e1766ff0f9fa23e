-- Links of family numbers that end without a request in this run, each with the first reason that applies (rules, 5);
-- also those that a request of this run would begin, if they ended before they became known.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- links that never came to be: the carrier refused them for good
refused as (
    select
        rejections.item_key as link_key,
        rejections.file_stem,
        rejections.line_no
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    where rejections.interface = 'family_link' and rejections.outcome = 'REFUSED'
),

-- links whose request was withdrawn: as if they had never been
withdrawn as (
    select
        added.link_key,
        voids.source_file,
        voids.source_line
    from {{ ref('int_request__voids') }} as voids
    inner join run on {{ is_this_attempt('voids') }} and voids.feed = 'family_request'
    inner join {{ ref('int_family_request__links') }} as added
        on
            voids.request_id = added.request_id
            and (added.business_date, added.attempt_no) < (voids.business_date, voids.attempt_no)
),

changed as materialized (
    select distinct history.subscriber_id
    from {{ ref('int_subscriber__history') }} as history
    inner join run on history.business_date = run.business_date
),

touched as (
    select links.*
    from {{ ref('int_family_request__links') }} as links
    inner join changed on links.subscriber_id = changed.subscriber_id

    union

    select links.*
    from {{ ref('int_family_request__links') }} as links
    inner join changed on links.family_subscriber_id = changed.subscriber_id

    union

    select links.*
    from {{ ref('int_family_request__links') }} as links
    where
        links.link_key in (
            select refused.link_key from refused
            union all
            select withdrawn.link_key from withdrawn
        )

    union

    -- what a late request of this run would begin before its day
    select
        asked.link_key,
        asked.request_id,
        asked.campaign_id,
        asked.subscriber_id,
        asked.customer_id,
        asked.city_code,
        asked.tenure_band,
        asked.family_msisdn,
        asked.family_subscriber_id,
        asked.terms_version,
        asked.requested_at as begins_at,
        null as ends_at,
        run.business_date,
        run.attempt_no
    from {{ ref('family_rule') }} as asked
    cross join run
    where asked.event = 'ADD' and asked.refusal is null and asked.requested_on < run.business_date
),

-- a link ends when either side leaves the carrier, or when its number is no longer the same subscription's
final as (
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
    left join lateral {{ function('state_as_of') }}(touched.subscriber_id, run.business_date) as owners on true
    left join lateral {{ function('state_as_of') }}(touched.family_subscriber_id, run.business_date) as families on true
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
        ) as ends (ordinal, reason, is_so, state_on, source_file, source_line)
    where touched.ends_at is null and ends.is_so
    order by touched.link_key, ends.ordinal
)

select * from final -- noqa: AM04
