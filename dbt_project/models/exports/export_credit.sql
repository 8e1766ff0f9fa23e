-- The money to credit or take back: what is due by the next date and not yet sent, what was held and may go now, what
-- the carrier asked to send again, and claims on what was paid for a recharge since reversed.
with run as (
    select * from {{ ref('stg_run__current') }}
),

-- what falls due, was promised after its due day, or has waited: for a suspended subscriber, or for a conflict's end
candidates as (
    select obligations.grant_key
    from {{ ref('credit_obligations') }} as obligations
    inner join run on obligations.due_on between run.previous_date + 2 and run.next_date

    union

    select obligations.grant_key
    from {{ ref('credit_obligations') }} as obligations
    inner join run on obligations.run_on = run.business_date and obligations.due_on <= run.next_date

    union

    select held.changes_key
    from {{ ref('ledger_closures') }} as held
    where held.entry_type = 'held'

    union

    select obligations.grant_key
    from {{ ref('int_recharge__conflicts') }} as conflicts
    inner join {{ ref('credit_obligations') }} as obligations on conflicts.recharge_id = obligations.recharge_id
    inner join run on obligations.due_on <= run.next_date
),

due as (
    select
        candidates.grant_key,
        null::text as resend_of
    from candidates
    where
        not exists (
            select from {{ ref('stg_outbox__items') }} as items
            where items.item_key = candidates.grant_key
        )
),

again as (
    select
        setbacks.item_key as grant_key,
        setbacks.resend_of
    from {{ ref('int_outbox__setbacks') }} as setbacks
    cross join run
    where
        setbacks.interface = 'credit'
        and setbacks.benefit <> 'CLAWBACK'
        and (
            setbacks.outcome = 'RETRY'
            -- refused as unknown or not active: the cause is mended when the carrier's own feed has said something new
            -- since
            or (
                setbacks.outcome = 'REFUSED'
                and setbacks.code in ('10', '11')
                and exists (
                    select from {{ ref('int_subscriber__history') }} as history
                    where history.subscriber_id = setbacks.subscriber_id and history.state_on > setbacks.run_on
                )
            )
        )
),

credits as (
    select
        obligations.campaign_id,
        obligations.grant_key,
        obligations.subscriber_id,
        obligations.benefit,
        obligations.amount_fen as amount,
        obligations.amount_fen as committed_fen,
        case obligations.kind when 'INSTALMENT' then obligations.amount_fen else 0 end as liability_fen,
        obligations.kind,
        obligations.instalment_no,
        obligations.instalments,
        obligations.recharge_id as source_recharge_id,
        chosen.resend_of
    from (
        select * from due
        union all
        select * from again
    ) as chosen
    inner join {{ ref('credit_obligations') }} as obligations on chosen.grant_key = obligations.grant_key
    cross join run
    inner join lateral (
        select history.status
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = obligations.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    where
        states.status = 'A'
        and not exists (
            select from {{ ref('ledger_closures') }} as closures
            where
                closures.changes_key = obligations.grant_key and closures.entry_type in ('cancelled', 'forfeited')
        )
        -- rows in conflict earn nothing until one is chosen (rules, 4.10)
        and not exists (
            select from {{ ref('int_recharge__conflicts') }} as conflicts
            where conflicts.recharge_id = obligations.recharge_id
        )
),

clawbacks as (
    select
        claims.campaign_id,
        claims.grant_key,
        claims.subscriber_id,
        claims.benefit,
        claims.amount_fen as amount,
        claims.committed_fen,
        0::bigint as liability_fen,
        'CLAWBACK' as kind,
        claims.instalment_no,
        claims.instalments,
        claims.recharge_id as source_recharge_id,
        retries.resend_of
    from {{ ref('ledger_closures') }} as claims
    cross join run
    left join {{ ref('int_outbox__setbacks') }} as retries
        on
            claims.grant_key = retries.item_key
            and retries.outcome = 'RETRY' and run.business_date = retries.answered_on
    where
        claims.benefit = 'CLAWBACK'
        and (({{ is_this_pass('claims') }}) or retries.item_key is not null)
),

to_send as (
    select
        credits.*,
        credits.grant_key as item_key,
        credits.grant_key as answer_key,
        'B2' as budget_line,
        states.msisdn
    from (
        select * from credits
        union all
        select * from clawbacks
    ) as credits
    cross join run
    left join lateral (
        select history.msisdn
        from {{ ref('int_subscriber__history') }} as history
        where
            history.subscriber_id = credits.subscriber_id
            and history.state_on <= run.business_date
            and history.is_present
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
),

placed as (
    select
        to_send.*,
        {{ place_in_batch() }} as place
    from to_send
),

files as (
    select
        batches.campaign_id,
        batches.resend_of,
        pieces.piece,
        (
            {{ last_file_seq('credit', 'batches.campaign_id', 'run.business_date') }}
            + row_number() over (partition by batches.campaign_id order by batches.resend_of nulls first, pieces.piece)
        )::integer as file_seq
    from (
        select
            placed.campaign_id,
            placed.resend_of,
            count(*) as lines
        from placed
        group by placed.campaign_id, placed.resend_of
    ) as batches
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'credit'
    cross join lateral generate_series(0, (batches.lines - 1) / interfaces.max_rows) as pieces (piece)
),

named_files as (
    select
        files.*,
        interfaces.max_rows,
        {{ file_stem(
            'interfaces.file_pattern', 'credit', 'files.campaign_id', 'run.business_date', 'files.file_seq'
        ) }} as file_stem
    from files
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'credit'
),

final as (
    select
        placed.campaign_id,
        named_files.file_stem,
        named_files.file_seq,
        (placed.place - named_files.piece * named_files.max_rows + 1)::integer as line_no,
        placed.item_key,
        placed.answer_key,
        placed.benefit,
        placed.budget_line,
        placed.committed_fen,
        placed.liability_fen,
        placed.grant_key,
        placed.subscriber_id,
        placed.msisdn,
        placed.amount,
        placed.kind,
        placed.instalment_no,
        placed.instalments,
        placed.source_recharge_id
    from placed
    inner join named_files
        on
            placed.campaign_id = named_files.campaign_id
            and coalesce(placed.resend_of, '') = coalesce(named_files.resend_of, '')
            and placed.place / named_files.max_rows = named_files.piece
)

select * from final
