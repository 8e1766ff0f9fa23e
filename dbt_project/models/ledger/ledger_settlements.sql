-- What the carrier's answers settle, and what people give up: the money of each line moves from committed to actual, or
-- back. Nothing is settled twice: of a key that was asked for again and left in two files the first acceptance counts.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- lines and keys that people have spoken about: they alone can have left twice without an answer between
spoken as materialized (
    select * from {{ ref('int_outbox__words') }}
),

told as (
    select
        outcomes.item_key,
        outcomes.campaign_id,
        outcomes.subscriber_id,
        outcomes.file_stem,
        outcomes.line_no,
        outcomes.run_on,
        outcomes.benefit,
        outcomes.budget_line,
        outcomes.amount_fen,
        outcomes.committed_fen,
        outcomes.liability_fen,
        outcomes.outcome,
        outcomes.code
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    where outcomes.benefit is not null

    union all

    -- what has waited for a number, and may end by its own rule
    select
        held.item_key,
        held.campaign_id,
        held.subscriber_id,
        'waits for ' || held.lacks || ': ' || held.item_key as file_stem,
        0 as line_no,
        held.run_on,
        held.benefit,
        held.budget_line,
        held.amount_fen,
        held.committed_fen,
        held.liability_fen,
        'RETRY' as outcome,
        'LACKS' as code
    from {{ ref('int_outbox__held') }} as held
    where held.benefit is not null
),

answered as (
    select
        outcomes.*,
        case when gifts.valid_to < run.next_date then 'EXPIRED' else messages.refusal end as given_up
    from told as outcomes
    cross join run
    left join {{ ref('data_gift_decisions') }} as gifts
        on outcomes.item_key = gifts.grant_key and outcomes.outcome = 'RETRY'
    left join {{ ref('int_message__retries') }} as messages
        on
            outcomes.item_key = messages.message_key
            and outcomes.file_stem = messages.file_stem
            and outcomes.outcome = 'RETRY'
),

settled as (
    -- what the carrier wants again, but is no longer to be sent, is refused for good
    select
        answered.item_key,
        answered.campaign_id,
        answered.subscriber_id,
        answered.file_stem,
        answered.line_no,
        answered.benefit,
        answered.budget_line,
        answered.amount_fen,
        answered.committed_fen,
        answered.liability_fen,
        answered.outcome,
        coalesce(answered.given_up, answered.code) as reason
    from answered
    where
        (answered.outcome in ('ACCEPTED', 'REFUSED') or answered.given_up is not null)
        -- a refusal of what was sent again since, given up, or accepted in another file settles nothing
        and case
            when answered.outcome = 'ACCEPTED' then true
            when answered.item_key not in (select spoken.item_key from spoken) then true
            else
                not exists (
                    select from spoken
                    where spoken.item_key = answered.item_key and spoken.kind = 'GIVE_UP'
                )
                and not exists (
                    select from {{ ref('int_outbox__outcomes') }} as others
                    where
                        others.item_key = answered.item_key
                        and (
                            others.outcome = 'ACCEPTED'
                            or (others.run_on, others.file_stem) > (answered.run_on, answered.file_stem)
                        )
                )
        end

    union all

    select
        spoken.item_key,
        spoken.campaign_id,
        spoken.subscriber_id,
        spoken.file_stem,
        spoken.line_no,
        spoken.benefit,
        spoken.budget_line,
        spoken.amount_fen,
        spoken.committed_fen,
        spoken.liability_fen,
        'GIVEN_UP' as outcome,
        spoken.said_by || ': ' || spoken.why as reason
    from spoken
    inner join run on spoken.counts_from = run.business_date
    where
        spoken.kind = 'GIVE_UP'
        and spoken.benefit is not null
        and not exists (
            select from {{ ref('int_outbox__outcomes') }} as others
            where others.item_key = spoken.item_key and others.outcome = 'ACCEPTED'
        )
        and not exists (
            select from {{ ref('ledger_closures') }} as closures
            where closures.changes_key = spoken.item_key and closures.entry_type in ('cancelled', 'forfeited')
        )
),

named as (
    select
        settled.*,
        -- accepted after the promise had ended: what was paid is cost, but nothing is committed or owed any more
        case
            when settled.item_key not in (select spoken.item_key from spoken) then false
            else
                exists (
                    select from {{ this }} as known
                    where
                        known.entry_key in (
                            {{ content_key(['settled.item_key', "'given_up'", 'null']) }},
                            {{ content_key(['settled.item_key', "'refused'", 'null']) }},
                            {{ content_key(['settled.item_key', "'leaked'", 'null']) }}
                        )
                        and {{ is_standing('known') }}
                )
                or
                exists (
                    select from {{ ref('ledger_closures') }} as closures
                    where
                        closures.changes_key = settled.item_key
                        and closures.entry_type in ('cancelled', 'forfeited')
                        -- what is clawed back was paid first
                        and not exists (
                            select from {{ ref('ledger_closures') }} as undone
                            where undone.changes_key = closures.changes_key and undone.entry_type = 'clawed_back'
                        )
                )
        end as has_ended,
        case
            when settled.outcome = 'GIVEN_UP' and settled.benefit <> 'CLAWBACK' then 'given_up'
            when settled.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') and settled.outcome = 'ACCEPTED' then 'credited'
            when settled.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') then 'rejected'
            when settled.benefit = 'CLAWBACK' and settled.outcome = 'ACCEPTED' then 'recovered'
            when settled.benefit = 'CLAWBACK' then 'leaked'
            when settled.outcome = 'ACCEPTED' then 'accepted'
            else 'refused'
        end as entry_type
    from settled
    cross join run
),

keyed as (
    select
        named.*,
        -- a credit may be rejected in one file after another; all else happens to a key once
        {{ content_key([
            'named.item_key', 'named.entry_type', "case named.entry_type when 'rejected' then named.file_stem end"
        ]) }} as entry_key
    from named
),

final as (
    select
        named.entry_key,
        named.campaign_id,
        named.benefit,
        named.entry_type,
        named.item_key as grant_key,
        named.subscriber_id,
        run.business_date as event_on,
        named.amount_fen,
        named.budget_line,
        -- a rejected credit stays promised: it is sent again once its cause is mended
        case
            when named.entry_type = 'rejected' or named.has_ended then 0
            else -named.committed_fen
        end as committed_fen,
        case when named.outcome = 'ACCEPTED' then named.committed_fen else 0 end as actual_fen,
        case
            when named.entry_type in ('credited', 'given_up') and not named.has_ended then -named.liability_fen
            else 0
        end as liability_fen,
        named.reason,
        named.file_stem as source_file,
        named.line_no::bigint as source_line,
        run.business_date as run_on,
        run.pass_no
    from keyed as named
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where known.entry_key = named.entry_key and {{ is_standing('known') }}
        )
)

select * from final
