-- What must be ready before the launch, one row per line and version of the terms; a view, since other views depend on
-- it
with versions as (
    select
        campaign_id,
        terms_version,
        effective_from,
        terms -> 'readiness' as readiness,
        lag(effective_from) over (partition by campaign_id order by effective_from) as previous_from,
        lead(effective_from) over (partition by campaign_id order by effective_from) as next_from
    from {{ source('raw', 'campaign_terms') }}
),

held as (
    select
        campaign_id,
        terms_version,
        case when previous_from is null then '-infinity'::date else effective_from end as valid_from,
        coalesce(next_from, 'infinity'::date) as valid_until,
        readiness
    from versions
    where jsonb_typeof(readiness) = 'object'
),

needs as (
    select
        held.*,
        'TRAINING' as line_kind,
        needed.need,
        needed.need ->> 'course' as subject,
        null::text as subject_kind,
        (needed.need ->> 'staff')::bigint as quantity
    from held
    cross join lateral jsonb_array_elements(held.readiness -> 'trainings') as needed (need)

    union all

    select
        held.*,
        'SYSTEM_TEST' as line_kind,
        needed.need,
        needed.need ->> 'system' as subject,
        kinds.kind as subject_kind,
        1 as quantity
    from held
    cross join lateral jsonb_array_elements(held.readiness -> 'system_tests') as needed (need)
    cross join lateral jsonb_array_elements_text(needed.need -> 'kinds') as kinds (kind)

    union all

    select
        held.*,
        'STOCK' as line_kind,
        needed.need,
        needed.need ->> 'item' as subject,
        needed.need ->> 'kind' as subject_kind,
        (needed.need ->> 'quantity')::bigint as quantity
    from held
    cross join lateral jsonb_array_elements(held.readiness -> 'stock') as needed (need)
),

final as (
    select
        needs.campaign_id,
        needs.terms_version,
        needs.valid_from,
        needs.valid_until,
        needs.line_kind,
        needs.subject,
        needs.subject_kind,
        needs.campaign_id || '/' || needs.line_kind || '/' || needs.subject
        || case when needs.line_kind = 'SYSTEM_TEST' then '/' || needs.subject_kind else '' end
        || coalesce('/' || halls.hall_code, '') as line,
        needs.need -> 'halls' = '"all"'::jsonb is true as is_each_hall,
        halls.hall_code,
        needs.quantity,
        coalesce((needs.need ->> 'share_bp')::integer, 0) as share_bp,
        needs.need ->> 'team' as team,
        teams.duty ->> 'responsible' as responsible,
        array_to_string(array(select jsonb_array_elements_text(teams.duty -> 'duties')), '；') as duties
    from needs
    left join lateral jsonb_array_elements_text(
        case when jsonb_typeof(needs.need -> 'halls') = 'array' then needs.need -> 'halls' else '[]'::jsonb end
    ) as halls (hall_code) on true
    left join lateral jsonb_array_elements(needs.readiness -> 'teams') as teams (duty)
        on teams.duty ->> 'team' = needs.need ->> 'team'
)

select * from final
