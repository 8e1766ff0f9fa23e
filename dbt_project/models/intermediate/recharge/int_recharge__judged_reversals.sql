-- Each reversal judged once, in the first run that has both it and its recharge (rules, 4.8): whether it reverses it.
-- One of another subscriber, of more than the recharge (together with earlier reversals), of zero, or of something that
-- is not a recharge reverses nothing. Rows in conflict wait until a person has chosen.
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

standing as not materialized (
    select * from {{ ref('int_recharge__standing_reversals') }}
),

ended as materialized (
    select * from {{ ref('int_recharge__ended_reversals') }}
),

found as (
    select
        undisputed.*,
        recharges.subscriber_id as recharge_subscriber_id,
        recharges.face_fen as recharge_fen,
        coalesce(before.reversed_fen, 0) as reversed_before_fen,
        abs(undisputed.face_fen) as reversal_fen
    from {{ ref('int_recharge__new_reversals') }} as undisputed
    left join lateral (
        select sum(known.amount_fen) as reversed_fen
        from standing as known
        where
            known.recharge_id = undisputed.reverses_id
            and known.reversal_id not in (select ended.reversal_id from ended)
    ) as before on true
    left join lateral (
        select counted.*
        from {{ ref('int_recharge__counted') }} as counted
        where counted.recharge_id = undisputed.reverses_id
        order by counted.source_file, counted.source_line
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
        -- a reversal waits for a recharge that has not come, or has no chosen row
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
        placed.source_line
    from placed

    union all

    select * from ended
)

select
    final.*,
    run.business_date as seen_on
from final
cross join run
