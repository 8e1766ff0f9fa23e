-- Promised credits that may end, or must wait, by what this run has learned, with everything that decides it. Cancelled
-- or forfeited ones are not among them.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

obligations as not materialized (
    select * from {{ ref('credit_obligations') }}
),

standing as (
    select closures.*
    from {{ ref('stg_decided__closures') }} as closures
    cross join run
    where {{ is_current('closures') }}
),

-- reversed, answered, promised, of a subscriber whose state changed, falling due, or held
touched as (
    select obligations.grant_key
    from obligations
    inner join {{ ref('int_credit__reversals') }} as reversals
        on
            obligations.recharge_id = reversals.recharge_id
            and obligations.promised_for = reversals.promised_for
            and obligations.life_id = coalesce(reversals.life_id, obligations.life_id)
    inner join run on reversals.seen_on = run.business_date

    union

    select outcomes.item_key
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    where outcomes.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD')

    union

    select obligations.grant_key
    from obligations
    inner join run on obligations.business_date = run.business_date
    -- a recharge of the day itself was granted to an active subscriber
    where obligations.recharged_on < run.business_date or obligations.due_on <= run.next_date

    union

    select obligations.grant_key
    from {{ ref('int_subscriber__history') }} as changes
    inner join run on changes.business_date = run.business_date
    inner join obligations on changes.subscriber_id = obligations.subscriber_id
    where changes.status in ('C', 'P')

    union

    select obligations.grant_key
    from obligations
    inner join run on obligations.due_on between run.previous_date + 2 and run.next_date

    union

    -- what fell due while its recharge was in conflict, which ended today
    select obligations.grant_key
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    inner join obligations on disputes.recharge_id = obligations.recharge_id and obligations.promised_for = 'RECHARGE'

    union

    select standing.changes_key
    from standing
    where standing.entry_type = 'held'
)

select
    obligations.*,
    states.status,
    reversals.reversal_id,
    reversals.reversed_on,
    reversals.reason as reversal_reason,
    reversals.source_file as reversal_file,
    reversals.source_line as reversal_line,
    dispatches.file_stem as last_file_stem,
    dispatches.outcome as last_outcome,
    obligations.promised_for = 'RECHARGE' and obligations.recharge_id in (
        select disputes.recharge_id from {{ ref('int_recharge__disputes') }} as disputes
        where disputes.is_open
    ) as is_conflict,
    obligations.grant_key in (
        select overrides.item_key from {{ ref('int_outbox__manual_overrides') }} as overrides
        where overrides.kind = 'GIVE_UP'
    ) as is_given_up,
    obligations.grant_key in (
        select standing.changes_key from standing
        where standing.entry_type = 'held'
    ) as is_incomplete
from touched
inner join obligations on touched.grant_key = obligations.grant_key
cross join run
left join lateral {{ function('state_as_of') }}(obligations.subscriber_id, run.business_date) as states on true
left join lateral (
    select found.*
    from {{ ref('int_credit__reversals') }} as found
    where
        found.recharge_id = obligations.recharge_id
        and found.promised_for = obligations.promised_for
        and coalesce(found.life_id, obligations.life_id) = obligations.life_id
    order by found.seen_on, found.reversal_id
    limit 1
) as reversals on true
left join lateral (
    select
        outcomes.file_stem,
        outcomes.outcome
    from {{ ref('int_outbox__outcomes') }} as outcomes
    where outcomes.item_key = obligations.grant_key
    -- accepted is accepted, even if it was asked for again meanwhile
    order by coalesce(outcomes.outcome = 'ACCEPTED', false) desc, outcomes.business_date desc, outcomes.file_stem desc
    limit 1
) as dispatches on true
where
    not exists (
        select from standing
        where standing.changes_key = obligations.grant_key and standing.entry_type in ('cancelled', 'forfeited')
    )
