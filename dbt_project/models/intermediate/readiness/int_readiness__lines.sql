-- What has to be ready before the launch, line by line: what is needed, what is there, and who has waived what is not.
with run as (
    select * from {{ ref('stg_run__current') }}
),

-- designated on the campaign's first day, or tomorrow where that is over, by the list known now
halls as (
    select
        campaigns.campaign_id,
        designations.hall_code
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join run
    inner join {{ ref('int_hall__designations') }} as designations
        on
            designations.designated_from <= greatest(campaigns.starts_on, run.next_date)
            and (
                designations.designated_to is null
                or designations.designated_to >= greatest(campaigns.starts_on, run.next_date)
            )
    where
        designations.revision = (
            select lists.delivery_no
            from {{ ref('stg_carrier__deliveries') }} as lists
            where lists.feed = 'hall' and lists.is_last_of_date and lists.business_date <= run.business_date
            order by lists.business_date desc
            limit 1
        )
),

needs as (
    select
        needed.campaign_id,
        needed.terms_version,
        needed.line_kind,
        needed.subject,
        needed.subject_kind,
        needed.line || case when needed.is_each_hall then coalesce('/' || halls.hall_code, '') else '' end as line,
        coalesce(needed.hall_code, halls.hall_code) as hall_code,
        needed.is_each_hall and halls.hall_code is null as lacks_halls,
        needed.quantity,
        needed.share_bp,
        needed.team,
        needed.responsible,
        needed.duties
    from {{ ref('stg_campaign__readiness') }} as needed
    inner join run on needed.holds_from <= run.next_date and needed.holds_until > run.next_date
    left join halls on needed.is_each_hall and needed.campaign_id = halls.campaign_id
),

-- of each person and course the last training stands
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

-- the last test stands; of two at the same moment the failed one
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
    select distinct on (words.readiness_line) words.*
    from {{ ref('stg_people__words') }} as words
    where words.kind = 'WAIVE' and words.state = 'LOADED'
    order by words.readiness_line asc, words.word_no desc
),

judged as (
    select
        needs.*,
        case when needs.lacks_halls then 0 else found.there end as there,
        not needs.lacks_halls and found.there >= needs.quantity and found.has_share as is_met,
        case when needs.lacks_halls then 'no designated hall is known' else found.detail end as detail,
        found.source_file,
        found.source_line
    from needs
    inner join found on needs.campaign_id = found.campaign_id and needs.line = found.line
),

final as (
    select
        judged.campaign_id,
        judged.line,
        judged.line_kind,
        judged.subject,
        judged.subject_kind,
        judged.hall_code,
        judged.team,
        judged.responsible,
        judged.duties,
        judged.quantity as needed,
        judged.there,
        judged.share_bp,
        judged.is_met,
        judged.is_met or waivers.readiness_line is not null as is_ready,
        waivers.said_by as waived_by,
        waivers.said_at at time zone 'Asia/Shanghai' as waived_at,
        waivers.why as waived_why,
        judged.detail,
        judged.terms_version,
        judged.source_file,
        judged.source_line
    from judged
    left join waivers on judged.line = waivers.readiness_line
)

select * from final
