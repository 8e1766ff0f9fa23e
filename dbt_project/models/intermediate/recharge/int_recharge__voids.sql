-- Recharge ids of which whatever was decided before this pass no longer holds: the row that was decided stands in no
-- delivery any more (WITHDRAWN), or what reversed it does not (REVERSAL_WITHDRAWN). What was granted is reversed by
-- further entries; a row of the id that counts is decided anew, under keys of its own.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

withdrawn_files as materialized (
    select
        withdrawn.file_name,
        min(withdrawn.because) as because
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join run on withdrawn.withdrawn_on = run.business_date and withdrawn.pass_no = run.pass_no
    where withdrawn.feed = 'recharge'
    group by withdrawn.file_name
),

-- every row of the ids, those of deliveries withdrawn now among them, those withdrawn before left out
known_rows as (
    select
        received.*,
        {{ is_withdrawn('received', 'recharge') }} as is_gone,
        coalesce(
            disputes.chosen_file = received.source_file and disputes.chosen_line = received.source_line, false
        ) as is_chosen
    from {{ ref('int_recharge__received') }} as received
    cross join run
    left join {{ ref('int_recharge__disputes') }} as disputes on received.recharge_id = disputes.recharge_id
    where
        received.recharge_id in (
            select named.recharge_id
            from {{ ref('int_recharge__received') }} as named
            where named.source_file in (select withdrawn_files.file_name from withdrawn_files)
        )
        and (not {{ is_withdrawn('received', 'recharge') }} or {{ is_withdrawn_now('received', 'recharge') }})
),

-- what was decided: the row that a person chose, else what came first
decided as (
    select
        known_rows.*,
        rank() over (
            partition by known_rows.recharge_id
            order by known_rows.is_chosen desc, known_rows.run_on asc, known_rows.pass_no asc
        ) as place
    from known_rows
),

gone as (
    select distinct on (decided.recharge_id)
        decided.recharge_id,
        'WITHDRAWN' as reason,
        decided.source_file,
        decided.source_line
    from decided
    where
        decided.place = 1
        and decided.is_gone
        and not exists (
            select from {{ ref('int_recharge__events') }} as events
            where events.recharge_id = decided.recharge_id and events.content_hash = decided.content_hash
        )
    order by decided.recharge_id, decided.source_file, decided.source_line
),

lifted as (
    select distinct on (ended.recharge_id)
        ended.recharge_id,
        'REVERSAL_WITHDRAWN' as reason,
        ended.source_file,
        ended.source_line
    from {{ ref('int_recharge__judged_reversals') }} as ended
    inner join run on {{ is_this_pass('ended') }}
    where
        ended.verdict = 'ENDED'
        and ended.source_file in (select withdrawn_files.file_name from withdrawn_files)
        and ended.recharge_id not in (select gone.recharge_id from gone)
    order by ended.recharge_id, ended.source_file, ended.source_line
),

voided as (
    select * from gone
    union all
    select * from lifted
),

final as (
    select
        voided.recharge_id,
        {{ life('voided.recharge_id', 'before') }} as life_id,
        voided.reason,
        withdrawn_files.because,
        voided.source_file,
        voided.source_line,
        run.business_date as run_on,
        run.pass_no
    from voided
    cross join run
    inner join withdrawn_files on voided.source_file = withdrawn_files.file_name
    left join lateral (
        select
            earlier.run_on,
            earlier.pass_no
        from {{ this }} as earlier
        where earlier.recharge_id = voided.recharge_id and {{ is_standing('earlier') }}
        order by earlier.run_on desc, earlier.pass_no desc
        limit 1
    ) as before on true
)

select * from final
