-- Reversals that this run must judge: new ones, those that waited for a row that came with it, and those that waited
-- for a choice that it reads. None in conflict, and none that was judged before.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

ended as (
    select * from {{ ref('int_recharge__ended_reversals') }}
),

candidates as (
    select events.*
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_attempt('events') }}
    where events.kind = 'REVERSAL'

    union

    select waiting.*
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_attempt('events') }}
    inner join {{ ref('int_recharge__events') }} as waiting on events.recharge_id = waiting.reverses_id
    where waiting.kind = 'REVERSAL'

    union

    select events.*
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    inner join {{ ref('int_recharge__events') }} as events
        on disputes.recharge_id in (events.recharge_id, events.reverses_id)
    where events.kind = 'REVERSAL'
)

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
        select from {{ ref('stg_decided__reversals') }} as known
        where
            known.reversal_id = candidates.recharge_id
            and known.source_file = candidates.source_file
            and known.source_line = candidates.source_line
            and {{ is_current('known') }}
            and not {{ is_withdrawn('known', 'recharge') }}
    )
    -- the same reversal, in another delivery
    and not exists (
        select from {{ ref('int_recharge__standing_reversals') }} as standing
        where
            standing.reversal_id = candidates.recharge_id
            and {{ is_withdrawn('standing', 'recharge') }}
            and standing.reversal_id not in (select ended.reversal_id from ended)
    )
