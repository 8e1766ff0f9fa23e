-- Requests whose decisions before this attempt no longer hold: the decided row is in no delivery any more (WITHDRAWN),
-- or its reversal is not (REVERSAL_WITHDRAWN). Further entries undo what was granted; a row of the id that counts is
-- decided again, under keys of its own (macro `life`).
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['request_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

withdrawn_files as materialized (
    select
        withdrawn.feed,
        withdrawn.file_name,
        min(withdrawn.withdrawal_reason) as withdrawal_reason
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join run on withdrawn.withdrawn_on = run.business_date and withdrawn.attempt_no = run.attempt_no
    group by withdrawn.feed, withdrawn.file_name
),

-- every row of the ids that were named there, those withdrawn before left out: what a person chose was decided, else
-- what came first
decided as (
    select
        received.*,
        {{ is_withdrawn('received') }} as is_gone,
        rank() over (
            partition by received.feed, received.request_id
            order by
                (disputes.chosen_file, disputes.chosen_line) is not distinct from
                (received.source_file, received.source_line) desc,
                received.business_date asc,
                received.attempt_no asc
        ) as ordinal
    from {{ ref('int_request__received') }} as received
    cross join run
    left join {{ ref('int_recharge__disputes') }} as disputes
        on received.feed = 'recharge' and received.request_id = disputes.recharge_id
    where
        received.request_id in (
            select named.request_id
            from withdrawn_files
            inner join {{ ref('int_request__received') }} as named
                on withdrawn_files.feed = named.feed and withdrawn_files.file_name = named.source_file
        )
        and (received.is_request or received.feed = 'recharge')
        and (not {{ is_withdrawn('received') }} or {{ is_withdrawn_now('received') }})
),

gone as (
    select distinct on (decided.feed, decided.request_id)
        decided.feed,
        decided.request_id,
        'WITHDRAWN' as reason,
        decided.source_file,
        decided.source_line
    from decided
    cross join run
    where
        decided.ordinal = 1
        and decided.is_gone
        and not exists (
            select from {{ ref('int_request__events') }} as events
            where
                events.event_id = decided.event_id
                and events.feed = decided.feed
                and events.content_hash = decided.content_hash
        )
        -- a code that was issued stays, and with it what was decided
        and not exists (
            select from {{ ref('stg_decided__requests') }} as issued
            where
                decided.feed = 'card_claim'
                and issued.feed = 'card_claim'
                and issued.request_id = decided.request_id
                and issued.reason = 'GRANTED'
                and (issued.business_date, issued.attempt_no) < (run.business_date, run.attempt_no)
        )
    order by decided.feed, decided.request_id, decided.source_file, decided.source_line
),

lifted as (
    select distinct on (ended.recharge_id)
        'recharge' as feed,
        ended.recharge_id as request_id,
        'REVERSAL_WITHDRAWN' as reason,
        ended.source_file,
        ended.source_line
    from {{ ref('int_recharge__judged_reversals') }} as ended
    inner join run on {{ is_this_attempt('ended') }}
    where
        ended.verdict = 'ENDED'
        and ended.recharge_id not in (
            select gone.request_id from gone
            where gone.feed = 'recharge'
        )
    order by ended.recharge_id, ended.source_file, ended.source_line
),

voided as (
    select * from gone
    union all
    select * from lifted
),

final as (
    select
        voided.feed,
        voided.request_id,
        {{ life('voided.request_id', 'before') }} as life_id,
        voided.reason,
        withdrawn_files.withdrawal_reason,
        voided.source_file,
        voided.source_line,
        run.business_date,
        run.attempt_no
    from voided
    cross join run
    inner join withdrawn_files
        on voided.feed = withdrawn_files.feed and voided.source_file = withdrawn_files.file_name
    left join lateral (
        select
            earlier.business_date,
            earlier.attempt_no
        from {{ this }} as earlier
        where
            earlier.request_id = voided.request_id and earlier.feed = voided.feed and {{ is_current('earlier') }}
        order by earlier.business_date desc, earlier.attempt_no desc
        limit 1
    ) as before on true
)

select * from final
