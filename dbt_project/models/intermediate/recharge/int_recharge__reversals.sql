-- what was reversed, by the first reversal that names it; a reversal in conflict does not count until a person has
-- chosen, and is then seen by the run that reads the choice
{{ config(
    materialized='incremental',
    indexes=[{'columns': ['seen_on']}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

candidates as (
    select events.*
    from {{ ref('int_recharge__events') }} as events
    inner join run on {{ is_this_pass('events') }}
    where events.kind = 'REVERSAL'

    union

    select events.*
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    inner join {{ ref('int_recharge__events') }} as events
        on
            disputes.recharge_id = events.recharge_id
            and disputes.chosen_file = events.source_file
            and disputes.chosen_line = events.source_line
    where events.kind = 'REVERSAL'
),

final as (
    select distinct on (events.reverses_id)
        events.reverses_id as recharge_id,
        events.recharge_id as reversal_id,
        events.subscriber_id,
        events.recharged_at as reversed_at,
        events.recharged_on as reversed_on,
        events.file_business_date,
        events.source_file,
        events.source_line,
        run.business_date as seen_on,
        run.business_date as run_on,
        run.pass_no
    from candidates as events
    cross join run
    where
        events.reverses_id is not null
        and not exists (
            select from {{ ref('int_recharge__disputes') }} as disputes
            where disputes.recharge_id = events.recharge_id and disputes.is_open
        )
        and not exists (
            select from {{ this }} as known
            where known.recharge_id = events.reverses_id and {{ is_standing('known') }}
        )
    order by events.reverses_id, events.recharged_at, events.recharge_id
)

select * from final
