-- Reversals that no longer reverse, since their delivery is withdrawn in this run: unless another that counts names the
-- recharge, or credits have left since it came. What was clawed back of these cannot be seen here: then the reversal
-- stays, and is left to a person.
{{ config(materialized='ephemeral') }}

with standing as not materialized (
    select * from {{ ref('int_recharge__standing_reversals') }}
),

withdrawn_files as materialized (
    select withdrawn.file_name
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join {{ ref('stg_run__current') }} as run
        on withdrawn.withdrawn_on = run.business_date and withdrawn.attempt_no = run.attempt_no
    where withdrawn.feed = 'recharge'
)

select
    standing.recharge_id,
    standing.reversal_id,
    'ENDED' as verdict,
    standing.subscriber_id,
    standing.amount_fen,
    standing.recharge_fen,
    standing.reversed_at,
    standing.reversed_on,
    standing.file_business_date,
    standing.source_file,
    standing.source_line
from standing
where
    standing.recharge_id in (
        select named.recharge_id
        from standing as named
        where named.source_file in (select withdrawn_files.file_name from withdrawn_files)
    )
    and not exists (
        select from {{ ref('int_recharge__events') }} as events
        left join {{ ref('stg_decided__reversals') }} as verdicts on events.recharge_id = verdicts.reversal_id
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
            and items.business_date >= recharged.business_date
    )
