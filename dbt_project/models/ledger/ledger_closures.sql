-- How a promise ends otherwise than by being paid, or is kept waiting (rules, 4.7 and 4.8): cancelled, clawed back,
-- forfeited, held. Each entry names the obligation it changes.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['changes_key']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

standing as (
    select closures.*
    from {{ this }} as closures
    cross join run
    where {{ is_standing('closures') }}
),

new_reversals as (
    select reversals.*
    from {{ ref('int_credit__reversals') }} as reversals
    inner join run on reversals.seen_on = run.business_date
),

-- obligations that today's events can touch: reversed, answered, promised, of a subscriber whose state changed, falling
-- due, or held
touched as (
    select obligations.grant_key
    from {{ ref('credit_obligations') }} as obligations
    inner join new_reversals
        on
            obligations.recharge_id = new_reversals.recharge_id
            and obligations.promised_for = new_reversals.promised_for
            and obligations.life_id = coalesce(new_reversals.life_id, obligations.life_id)

    union

    select outcomes.item_key
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    where outcomes.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD')

    union

    select obligations.grant_key
    from {{ ref('credit_obligations') }} as obligations
    inner join run on obligations.run_on = run.business_date
    -- a recharge of the day itself was granted to an active subscriber
    where obligations.recharged_on < run.business_date or obligations.due_on <= run.next_date

    union

    select obligations.grant_key
    from {{ ref('int_subscriber__history') }} as changes
    inner join run on changes.run_on = run.business_date
    inner join {{ ref('credit_obligations') }} as obligations on changes.subscriber_id = obligations.subscriber_id
    where changes.status in ('C', 'P')

    union

    select obligations.grant_key
    from {{ ref('credit_obligations') }} as obligations
    cross join run
    where obligations.due_on between run.previous_date + 2 and run.next_date

    union

    -- what fell due while its recharge was in conflict, which ended today
    select obligations.grant_key
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    inner join {{ ref('credit_obligations') }} as obligations
        on disputes.recharge_id = obligations.recharge_id and obligations.promised_for = 'RECHARGE'

    union

    select standing.changes_key
    from standing
    where standing.entry_type = 'held'
),

open_obligations as (
    select
        obligations.*,
        states.status,
        reversals.reversal_id,
        reversals.reversed_on,
        reversals.reason as reversal_reason,
        reversals.source_file as reversal_file,
        reversals.source_line as reversal_line,
        sendings.file_stem as last_file_stem,
        sendings.outcome as last_outcome,
        obligations.promised_for = 'RECHARGE' and obligations.recharge_id in (
            select disputes.recharge_id from {{ ref('int_recharge__disputes') }} as disputes
            where disputes.is_open
        ) as is_conflict,
        obligations.grant_key in (
            select words.item_key from {{ ref('int_outbox__words') }} as words
            where words.kind = 'GIVE_UP'
        ) as is_given_up,
        obligations.grant_key in (
            select standing.changes_key from standing
            where standing.entry_type = 'held'
        ) as is_held
    from touched
    inner join {{ ref('credit_obligations') }} as obligations on touched.grant_key = obligations.grant_key
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
        -- accepted is accepted, also where it was asked for again meanwhile
        order by coalesce(outcomes.outcome = 'ACCEPTED', false) desc, outcomes.run_on desc, outcomes.file_stem desc
        limit 1
    ) as sendings on true
    where
        not exists (
            select from standing
            where standing.changes_key = obligations.grant_key and standing.entry_type in ('cancelled', 'forfeited')
        )
),

-- one thing at most happens to an obligation in a run; a line sent and unanswered waits for its answer
actions as (
    select
        open_obligations.*,
        case
            when open_obligations.last_file_stem is not null and open_obligations.last_outcome is null then null
            when
                open_obligations.reversal_id is not null
                and open_obligations.last_outcome = 'ACCEPTED'
                then 'claw_back'
            when open_obligations.is_given_up then null
            when open_obligations.reversal_id is not null then 'cancel'
            when open_obligations.last_outcome = 'ACCEPTED' then null
            when open_obligations.status in ('C', 'P') then 'forfeit'
            when open_obligations.is_conflict then null
            when
                open_obligations.is_held
                and open_obligations.last_file_stem is null
                and run.business_date > open_obligations.due_on + open_obligations.hold_days
                then 'forfeit'
            when
                open_obligations.last_file_stem is null
                and open_obligations.due_on <= run.next_date
                and coalesce(open_obligations.status, '') <> 'A'
                then 'hold'
        end as action
    from open_obligations
    cross join run
),

entries as (
    -- reversed before it was paid
    select
        actions.*,
        'cancelled' as entry_type,
        actions.benefit as entry_benefit,
        actions.grant_key as entry_grant_key,
        -actions.amount_fen as committed_fen,
        -actions.amount_fen as liability_fen,
        actions.reversal_reason as reason,
        actions.reversed_on as event_on
    from actions
    where actions.action = 'cancel'

    union all

    -- reversed after it was paid: the payment is undone and the promise cancelled, which leaves the liability as it was
    -- ...
    select
        actions.*,
        pairs.entry_type,
        actions.benefit as entry_benefit,
        actions.grant_key as entry_grant_key,
        0 as committed_fen,
        pairs.sign * actions.amount_fen as liability_fen,
        actions.reversal_reason as reason,
        actions.reversed_on as event_on
    from actions
    cross join (values ('clawed_back', 1), ('cancelled', -1)) as pairs (entry_type, sign)
    where actions.action = 'claw_back'

    union all

    -- ... and what was paid is claimed from the subscriber
    select
        actions.*,
        'promised' as entry_type,
        'CLAWBACK' as entry_benefit,
        {{ content_key([
            'actions.campaign_id', "'CLAWBACK'", 'actions.subscriber_id', 'actions.life_id',
            "case actions.promised_for when 'DEVICE' then 'DEVICE_MAKE_GOOD' else actions.kind end", 'actions.instalment_no'
        ]) }} as entry_grant_key,
        -actions.amount_fen as committed_fen,
        0 as liability_fen,
        actions.reversal_reason as reason,
        actions.reversed_on as event_on
    from actions
    where actions.action = 'claw_back'

    union all

    select
        actions.*,
        'forfeited' as entry_type,
        actions.benefit as entry_benefit,
        actions.grant_key as entry_grant_key,
        -actions.amount_fen as committed_fen,
        -actions.amount_fen as liability_fen,
        case actions.status when 'C' then 'CLOSED' when 'P' then 'PORTED_OUT' else 'HOLD_EXPIRED' end as reason,
        run.business_date as event_on
    from actions
    cross join run
    where actions.action = 'forfeit'

    union all

    select
        actions.*,
        'held' as entry_type,
        actions.benefit as entry_benefit,
        actions.grant_key as entry_grant_key,
        0 as committed_fen,
        0 as liability_fen,
        'NOT_ACTIVE' as reason,
        actions.due_on as event_on
    from actions
    where actions.action = 'hold'
),

keyed as (
    select
        {{ content_key(['entries.entry_grant_key', 'entries.entry_type']) }} as entry_key,
        entries.campaign_id,
        entries.entry_benefit as benefit,
        entries.entry_type,
        entries.entry_grant_key as grant_key,
        entries.grant_key as changes_key,
        entries.kind,
        entries.promised_for,
        entries.recharge_id,
        entries.instalment_no,
        entries.instalments,
        entries.subscriber_id,
        entries.customer_id,
        entries.event_on,
        entries.amount_fen,
        entries.budget_line,
        entries.committed_fen,
        case when entries.kind = 'INSTALMENT' then entries.liability_fen else 0 end as liability_fen,
        entries.reason,
        entries.terms_version,
        coalesce(entries.reversal_file, entries.source_file) as source_file,
        coalesce(entries.reversal_line, entries.source_line) as source_line,
        run.business_date as run_on,
        run.pass_no
    from entries
    cross join run
),

final as (
    select keyed.*
    from keyed
    where
        not exists (
            select from standing
            where standing.entry_key = keyed.entry_key
        )
)

select * from final
