-- What must be ready before the launch, line by line: what is needed, what is there, and who waived what is missing.
with needs as (
    select * from {{ ref('int_readiness__needs') }}
),

-- of each person and course the last training counts
trained as (
    select distinct on (records.course, records.staff_id)
        records.course,
        records.staff_id,
        records.hall_code,
        records.is_passed,
        records.source_file,
        records.source_line
    from {{ ref('int_training__records') }} as records
    order by
        records.course asc, records.staff_id asc, records.held_on desc, records.is_passed asc, records.record_id asc
),

trainings as (
    select
        needs.campaign_id,
        needs.line,
        count(trained.staff_id) filter (where trained.is_passed) as there,
        count(trained.staff_id) filter (where trained.is_passed) * 10000
        >= count(trained.staff_id) * needs.share_bp as has_share,
        'passed ' || count(trained.staff_id) filter (where trained.is_passed) || ' of ' || count(trained.staff_id)
        || ' trained' as detail,
        max(trained.source_file) as source_file,
        null::bigint as source_line
    from needs
    left join trained
        on needs.subject = trained.course and (needs.hall_code is null or needs.hall_code = trained.hall_code)
    where needs.line_kind = 'TRAINING'
    group by needs.campaign_id, needs.line, needs.share_bp
),

-- the last test counts; of two at the same time the failed one
tested as (
    select distinct on (records.system, records.test_kind) records.*
    from {{ ref('int_system_test__records') }} as records
    order by
        records.system asc, records.test_kind asc, records.tested_at desc, records.result asc, records.record_id asc
),

system_tests as (
    select
        needs.campaign_id,
        needs.line,
        case when tested.result = 'PASS' then 1 else 0 end::bigint as there,
        true as has_share,
        coalesce(
            tested.result || ' at ' || to_char(tested.tested_at, 'YYYY-MM-DD HH24:MI')
            || coalesce(', report ' || tested.report_ref, ''),
            'not tested'
        ) as detail,
        tested.source_file,
        tested.source_line
    from needs
    left join tested on needs.subject = tested.system and needs.subject_kind = tested.test_kind
    where needs.line_kind = 'SYSTEM_TEST'
),

stock as (
    select
        needs.campaign_id,
        needs.line,
        greatest(sum(movements.quantity), 0)::bigint as there,
        true as has_share,
        greatest(sum(movements.quantity), 0) || ' on hand' as detail,
        max(movements.source_file) as source_file,
        null::bigint as source_line
    from needs
    left join {{ ref('stock_movements') }} as movements
        on
            needs.subject = movements.item
            and needs.subject_kind = movements.item_kind
            and (needs.hall_code is null or needs.hall_code = movements.hall_code)
            and movements.reason = 'COUNTED'
            and not {{ is_withdrawn('movements', 'stock_movement') }}
    where needs.line_kind = 'STOCK'
    group by needs.campaign_id, needs.line
),

found as (
    select * from trainings
    union all
    select * from system_tests
    union all
    select * from stock
),

waivers as (
    select distinct on (overrides.readiness_line) overrides.*
    from {{ ref('stg_people__manual_overrides') }} as overrides
    where overrides.kind = 'WAIVE' and overrides.state = 'LOADED'
    order by overrides.readiness_line asc, overrides.override_no desc
),

judged as (
    select
        needs.*,
        case when needs.lacks_halls then 0 else found.there end as there,
        not needs.lacks_halls and found.there >= needs.needed and found.has_share as is_met,
        case when needs.lacks_halls then 'no designated hall is known' else found.detail end as detail,
        found.source_file,
        found.source_line
    from needs
    inner join found on needs.campaign_id = found.campaign_id and needs.line = found.line
)

select
    judged.*,
    judged.is_met or waivers.readiness_line is not null as is_ready,
    waivers.requested_by as waived_by,
    waivers.requested_at at time zone 'Asia/Shanghai' as waived_at,
    waivers.justification as waived_justification
from judged
left join waivers on judged.line = waivers.readiness_line
