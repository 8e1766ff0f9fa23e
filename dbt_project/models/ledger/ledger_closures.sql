-- How a promise ends other than by payment, or is kept waiting (rules, 4.7 and 4.8): cancelled, clawed back, forfeited,
-- held. Each entry names the obligation it changes.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['changes_key']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- at most one thing happens to a promise in a run; a line sent and unanswered waits for its answer
actions as (
    select
        promises.*,
        case
            when promises.last_file_stem is not null and promises.last_outcome is null then null
            when promises.reversal_id is not null and promises.last_outcome = 'ACCEPTED' then 'claw_back'
            when promises.is_given_up then null
            when promises.reversal_id is not null then 'cancel'
            when promises.last_outcome = 'ACCEPTED' then null
            when promises.status in ('C', 'P') then 'forfeit'
            when promises.is_conflict then null
            when
                promises.is_incomplete
                and promises.last_file_stem is null
                and run.business_date > promises.due_on + promises.hold_days
                then 'forfeit'
            when
                promises.last_file_stem is null
                and promises.due_on <= run.next_date
                and coalesce(promises.status, '') <> 'A'
                then 'hold'
        end as action
    from {{ ref('int_credit__open_promises') }} as promises
    cross join run
),

-- The entries of each action, and its effect on committed and liability. A promise that was paid before its reversal is
-- undone and cancelled, which leaves the liability as it was, and the payment is claimed back.
effects (action, entry_type, committed_sign, liability_sign) as (
    values
    ('cancel', 'cancelled', -1, -1),
    ('claw_back', 'clawed_back', 0, 1),
    ('claw_back', 'cancelled', 0, -1),
    ('claw_back', 'promised', -1, 0),
    ('forfeit', 'forfeited', -1, -1),
    ('hold', 'held', 0, 0)
),

entries as (
    select
        actions.*,
        effects.entry_type,
        case effects.entry_type when 'promised' then 'CLAWBACK' else actions.benefit end as entry_benefit,
        case effects.entry_type
            when 'promised' then {{ content_key([
                'actions.campaign_id', "'CLAWBACK'", 'actions.subscriber_id', 'actions.life_id',
                "case actions.promised_for when 'DEVICE' then 'DEVICE_MAKE_GOOD' else actions.kind end", 'actions.instalment_no'
            ]) }}
            else actions.grant_key
        end as entry_grant_key,
        effects.committed_sign * actions.amount_fen as committed_fen,
        case when actions.kind = 'INSTALMENT' then effects.liability_sign * actions.amount_fen else 0 end
            as liability_fen,
        case actions.action
            when 'hold' then 'NOT_ACTIVE'
            when 'forfeit'
                then case actions.status when 'C' then 'CLOSED' when 'P' then 'PORTED_OUT' else 'HOLD_EXPIRED' end
            else actions.reversal_reason
        end as reason,
        case actions.action
            when 'hold' then actions.due_on when 'forfeit' then run.business_date else actions.reversed_on
        end as event_on
    from actions
    cross join run
    inner join effects on actions.action = effects.action
),

final as (
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
        entries.liability_fen,
        entries.reason,
        entries.terms_version,
        coalesce(entries.reversal_file, entries.source_file) as source_file,
        coalesce(entries.reversal_line, entries.source_line) as source_line
    from entries
)

select final.*
from final
cross join run
where
    not exists (
        select from {{ this }} as known
        where known.entry_key = final.entry_key and {{ is_current('known') }}
    )
