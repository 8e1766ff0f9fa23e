-- What the carrier's answers settle, and what people give up: the money of each line moves from committed to actual, or
-- back. int_outbox__settled says which lines this run settles.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['business_date'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

named as (
    select
        settled.*,
        -- accepted after the promise had ended: what was paid is cost, but nothing is committed or owed any more
        case
            when
                settled.item_key not in (
                    select overrides.item_key from {{ ref('int_outbox__manual_overrides') }} as overrides
                )
                then false
            else
                exists (
                    select from {{ this }} as known
                    where
                        known.entry_key in (
                            {{ content_key(['settled.item_key', "'given_up'", 'null']) }},
                            {{ content_key(['settled.item_key', "'refused'", 'null']) }},
                            {{ content_key(['settled.item_key', "'leaked'", 'null']) }}
                        )
                        and {{ is_current('known') }}
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
    from {{ ref('int_outbox__settled') }} as settled
    cross join run
),

keyed as (
    select
        named.*,
        -- a credit may be rejected in several files; everything else happens to a key once
        {{ content_key([
            'named.item_key', 'named.entry_type', "case named.entry_type when 'rejected' then named.file_stem end"
        ]) }} as entry_key
    from named
),

final as (
    select
        keyed.entry_key,
        keyed.campaign_id,
        keyed.benefit,
        keyed.entry_type,
        keyed.item_key as grant_key,
        keyed.subscriber_id,
        run.business_date as event_on,
        keyed.amount_fen,
        keyed.budget_line,
        -- a rejected credit stays promised: it is sent again once its cause is fixed
        case when keyed.entry_type = 'rejected' or keyed.has_ended then 0 else -keyed.committed_fen end
            as committed_fen,
        case when keyed.outcome = 'ACCEPTED' then keyed.committed_fen else 0 end as actual_fen,
        case
            when keyed.entry_type in ('credited', 'given_up') and not keyed.has_ended then -keyed.liability_fen
            else 0
        end as liability_fen,
        keyed.reason,
        keyed.file_stem as source_file,
        keyed.line_no::bigint as source_line
    from keyed
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where known.entry_key = keyed.entry_key and {{ is_current('known') }}
        )
)

select * from final
