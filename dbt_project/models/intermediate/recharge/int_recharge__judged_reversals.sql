-- Each reversal judged once, in the first run that has both it and its recharge (rules, 4.8): whether it reverses it.
-- One of another subscriber, of more than the recharge (together with what was reversed of it before), of nothing, or
-- of what is no recharge reverses nothing. Rows in conflict wait until a person has chosen. One whose delivery was
-- withdrawn ends, unless another that counts names the recharge, or credits have left since it came: what was clawed
-- back of them, and what was not, cannot be told here: then it stands, and is for a person.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['recharge_id']},
        {'columns': ['seen_on']},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- reversals known from earlier runs that have not ended
standing as not materialized (
    select known.*
    from {{ this }} as known
    cross join run
    where
        known.verdict in ('REVERSES', 'FURTHER_PART')
        and {{ is_standing('known') }}
        and not exists (
            select from {{ this }} as ended
            where
                ended.verdict = 'ENDED'
                and ended.reversal_id = known.reversal_id
                and (ended.run_on, ended.pass_no) > (known.run_on, known.pass_no)
                and {{ is_standing('ended') }}
        )
),

withdrawn_files as materialized (
    select distinct withdrawn.file_name
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join run on withdrawn.withdrawn_on = run.business_date and withdrawn.pass_no = run.pass_no
    where withdrawn.feed = 'recharge'
),

ended as materialized (
    select standing.*
    from standing
    where
        standing.recharge_id in (
            select named.recharge_id
            from standing as named
            where named.source_file in (select withdrawn_files.file_name from withdrawn_files)
        )
        and not exists (
            select from {{ ref('int_recharge__events') }} as events
            left join {{ this }} as verdicts on events.recharge_id = verdicts.reversal_id
            where
                events.reverses_id = standing.recharge_id
                and events.kind = 'REVERSAL'
                and coalesce(verdicts.verdict, 'TOO_MUCH') in ('REVERSES', 'FURTHER_PART', 'TOO_MUCH')
        )
        and not exists (
            select from {{ ref('int_request__received') }} as recharged
            inner join {{ ref('stg_outbox__items') }} as items on recharged.subscriber_id = items.subscriber_id
            where
                recharged.request_id = standing.recharge_id
                and recharged.event = 'RECHARGE'
                and items.interface = 'credit'
                and items.run_on >= recharged.run_on
        )
),

-- what this run brought, what waited for a row that it brought, and what waited for a choice that it reads
candidates as (
    select events.*
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_pass('events') }}
    where events.kind = 'REVERSAL'

    union

    select waiting.*
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_pass('events') }}
    inner join {{ ref('int_recharge__events') }} as waiting on events.recharge_id = waiting.reverses_id
    where waiting.kind = 'REVERSAL'

    union

    select events.*
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    inner join {{ ref('int_recharge__events') }} as events
        on disputes.recharge_id in (events.recharge_id, events.reverses_id)
    where events.kind = 'REVERSAL'
),

undisputed as (
    select candidates.*
    from candidates
    cross join run
    where
        candidates.reverses_id is not null
        and not exists (
            select from {{ ref('int_recharge__disputes') }} as disputes
            where
                disputes.recharge_id = candidates.recharge_id
                and (
                    disputes.is_open
                    or (disputes.chosen_file, disputes.chosen_line)
                    <> (candidates.source_file, candidates.source_line)
                )
        )
        and not exists (
            select from {{ this }} as known
            where
                known.reversal_id = candidates.recharge_id
                and known.source_file = candidates.source_file
                and known.source_line = candidates.source_line
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'recharge') }}
        )
        -- the same reversal, in another delivery
        and not exists (
            select from standing
            where
                standing.reversal_id = candidates.recharge_id
                and {{ is_withdrawn('standing', 'recharge') }}
                and standing.reversal_id not in (select ended.reversal_id from ended)
        )
),

-- the row of the recharge that counts: the one that a person has chosen, else the one that came before any other
found as (
    select
        undisputed.*,
        recharges.subscriber_id as recharge_subscriber_id,
        recharges.face_fen as recharge_fen,
        coalesce(before.reversed_fen, 0) as reversed_before_fen,
        abs(undisputed.face_fen) as reversal_fen
    from undisputed
    left join lateral (
        select sum(known.amount_fen) as reversed_fen
        from standing as known
        where
            known.recharge_id = undisputed.reverses_id
            and known.reversal_id not in (select ended.reversal_id from ended)
    ) as before on true
    left join lateral (
        select
            rows_of_it.subscriber_id,
            rows_of_it.face_fen
        from {{ ref('int_recharge__events') }} as rows_of_it
        where
            rows_of_it.recharge_id = undisputed.reverses_id
            and rows_of_it.kind = 'RECHARGE'
            and coalesce(
                (
                    select (choices.source_file, choices.source_line) = (rows_of_it.source_file, rows_of_it.source_line)
                    from {{ ref('stg_people__words') }} as choices
                    where
                        choices.kind = 'CHOOSE'
                        and choices.state = 'LOADED'
                        and choices.recharge_id = rows_of_it.recharge_id
                    order by choices.counts_from desc, choices.word_no desc
                    limit 1
                ),
                not exists (
                    select from {{ ref('int_recharge__events') }} as others
                    where
                        others.recharge_id = rows_of_it.recharge_id
                        and others.content_hash <> rows_of_it.content_hash
                        and (others.run_on, others.pass_no) <= (rows_of_it.run_on, rows_of_it.pass_no)
                )
            )
        order by rows_of_it.source_file asc, rows_of_it.source_line asc
        limit 1
    ) as recharges on true
),

judged as (
    select
        found.*,
        case
            when found.recharge_fen is null then 'NOT_A_RECHARGE'
            when found.subscriber_id <> found.recharge_subscriber_id then 'OTHER_SUBSCRIBER'
            when found.reversal_fen = 0 then 'OF_NOTHING'
        end as refusal
    from found
    where
        found.recharge_fen is not null
        -- a recharge that has not come, or of which no row is chosen, is waited for
        or (
            exists (
                select from {{ ref('int_recharge__events') }} as named
                where named.recharge_id = found.reverses_id
            )
            and not exists (
                select from {{ ref('int_recharge__events') }} as named
                where named.recharge_id = found.reverses_id and named.kind = 'RECHARGE'
            )
        )
),

placed as (
    select
        judged.*,
        judged.refusal is null and {{ function('finds_room') }}(
            judged.reversal_fen, judged.recharge_fen - judged.reversed_before_fen::bigint
        ) over (
            partition by judged.reverses_id, judged.refusal is null
            order by judged.recharged_at, judged.recharge_id
            rows between unbounded preceding and current row
        ) as has_room
    from judged
),

final as (
    select
        placed.reverses_id as recharge_id,
        placed.recharge_id as reversal_id,
        case
            when placed.refusal is not null then placed.refusal
            when not placed.has_room then 'TOO_MUCH'
            when
                placed.reversed_before_fen > 0
                or row_number() over (
                    partition by placed.reverses_id, placed.has_room
                    order by placed.recharged_at, placed.recharge_id
                ) > 1
                then 'FURTHER_PART'
            else 'REVERSES'
        end as verdict,
        placed.subscriber_id,
        placed.reversal_fen as amount_fen,
        placed.recharge_fen,
        placed.recharged_at as reversed_at,
        placed.recharged_on as reversed_on,
        placed.file_business_date,
        placed.source_file,
        placed.source_line,
        run.business_date as seen_on,
        run.business_date as run_on,
        run.pass_no
    from placed
    cross join run

    union all

    select
        ended.recharge_id,
        ended.reversal_id,
        'ENDED' as verdict,
        ended.subscriber_id,
        ended.amount_fen,
        ended.recharge_fen,
        ended.reversed_at,
        ended.reversed_on,
        ended.file_business_date,
        ended.source_file,
        ended.source_line,
        run.business_date as seen_on,
        run.business_date as run_on,
        run.pass_no
    from ended
    cross join run
)

select * from final
