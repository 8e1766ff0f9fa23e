-- The money to credit or take back: what is due by the next date and not yet sent, what was held and may go now, what
-- the carrier or a person asked to send again, and claims on what was paid for a recharge since reversed.
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
    inner join run on obligations.business_date = run.business_date and obligations.due_on <= run.next_date

    union

    select held.changes_key
    from {{ ref('ledger_closures') }} as held
    where held.entry_type = 'held'

    union

    select obligations.grant_key
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join {{ ref('credit_obligations') }} as obligations
        on disputes.recharge_id = obligations.recharge_id and obligations.promised_for = 'RECHARGE'
    inner join run on obligations.due_on <= run.next_date
),

due as (
    select
        candidates.grant_key,
        null::text as resend_of,
        false as is_asked
    from candidates
    where
        not exists (
            select from {{ ref('stg_outbox__items') }} as items
            where items.item_key = candidates.grant_key
        )
),

again as (
    select
        rejections.item_key as grant_key,
        rejections.resend_of,
        rejections.is_asked
    from {{ ref('int_outbox__rejections') }} as rejections
    cross join run
    where
        rejections.interface = 'credit'
        and rejections.benefit <> 'CLAWBACK'
        and (
            rejections.outcome = 'RETRY'
            -- refused as unknown or not active: the cause is fixed when the carrier's own feed has something new since
            or (
                rejections.outcome = 'REFUSED'
                and rejections.code in ('10', '11')
                and exists (
                    select from {{ ref('int_subscriber__history') }} as history
                    where
                        history.subscriber_id = rejections.subscriber_id and history.state_on > rejections.business_date
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
        obligations.budget_line,
        chosen.resend_of
    from (
        select * from due
        union
        select * from again
    ) as chosen
    inner join {{ ref('credit_obligations') }} as obligations on chosen.grant_key = obligations.grant_key
    cross join run
    inner join lateral {{ function('state_as_of') }}(obligations.subscriber_id, run.business_date) as states on true
    where
        states.status = 'A'
        and not exists (
            select from {{ ref('ledger_closures') }} as closures
            where
                closures.changes_key = obligations.grant_key and closures.entry_type in ('cancelled', 'forfeited')
        )
        -- rows in conflict earn nothing until one is chosen (rules, 4.10)
        and not exists (
            select from {{ ref('int_recharge__disputes') }} as disputes
            where
                disputes.recharge_id = obligations.recharge_id
                and disputes.is_open
                and obligations.promised_for = 'RECHARGE'
        )
        -- what may have been paid for a recharge since reversed waits for its answer: asking again must not pay it
        and not (
            chosen.is_asked
            and exists (
                select from {{ ref('int_credit__reversals') }} as reversals
                where
                    reversals.recharge_id = obligations.recharge_id
                    and reversals.promised_for = obligations.promised_for
                    and coalesce(reversals.life_id, obligations.life_id) = obligations.life_id
            )
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
        claims.budget_line,
        retries.resend_of
    from {{ ref('ledger_closures') }} as claims
    cross join run
    left join {{ ref('int_outbox__rejections') }} as retries
        on
            claims.grant_key = retries.item_key
            and retries.outcome = 'RETRY' and run.business_date = retries.answered_on
    where
        claims.benefit = 'CLAWBACK'
        and (({{ is_this_attempt('claims') }}) or retries.item_key is not null)
),

final as (
    select
        credits.campaign_id,
        credits.grant_key as item_key,
        credits.grant_key as answer_key,
        credits.benefit,
        credits.budget_line,
        credits.committed_fen,
        credits.liability_fen,
        credits.resend_of,
        credits.grant_key,
        credits.subscriber_id,
        states.msisdn,
        credits.amount,
        credits.kind,
        credits.instalment_no,
        credits.instalments,
        credits.source_recharge_id
    from (
        select * from credits
        union all
        select * from clawbacks
    ) as credits
    cross join run
    left join lateral {{ function('last_listing_as_of') }}(credits.subscriber_id, run.business_date) as states on true
)

select * from final
