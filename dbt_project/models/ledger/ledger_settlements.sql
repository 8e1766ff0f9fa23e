-- What the carrier's answers settle: the money of each line moves from committed to actual, or back.
{{ config(
    materialized='incremental',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

answered as (
    select
        outcomes.*,
        case when gifts.valid_to < run.next_date then 'EXPIRED' else messages.refusal end as given_up
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    left join {{ ref('data_gift_decisions') }} as gifts
        on outcomes.item_key = gifts.grant_key and outcomes.outcome = 'RETRY'
    left join {{ ref('int_message__retries') }} as messages
        on outcomes.item_key = messages.message_key and outcomes.file_stem = messages.file_stem
    where outcomes.benefit is not null
),

settled as (
    -- what the carrier wants again, but is no longer to be sent, is refused for good
    select *
    from answered
    where outcome in ('ACCEPTED', 'REFUSED') or given_up is not null
),

named as (
    select
        settled.*,
        case
            when settled.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') and settled.outcome = 'ACCEPTED' then 'credited'
            when settled.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') then 'rejected'
            when settled.benefit = 'CLAWBACK' and settled.outcome = 'ACCEPTED' then 'recovered'
            when settled.benefit = 'CLAWBACK' then 'leaked'
            when settled.outcome = 'ACCEPTED' then 'accepted'
            else 'refused'
        end as entry_type
    from settled
),

final as (
    select
        {{ content_key(['named.item_key', 'named.entry_type', 'named.file_stem']) }} as entry_key,
        named.campaign_id,
        named.benefit,
        named.entry_type,
        named.item_key as grant_key,
        named.subscriber_id,
        run.business_date as event_on,
        named.amount_fen,
        named.budget_line,
        -- a rejected credit stays promised: it is sent again once its cause is mended
        case when named.entry_type = 'rejected' then 0 else -named.committed_fen end as committed_fen,
        case when named.outcome = 'ACCEPTED' then named.committed_fen else 0 end as actual_fen,
        case when named.entry_type = 'credited' then -named.liability_fen else 0 end as liability_fen,
        coalesce(named.given_up, named.code) as reason,
        named.file_stem as source_file,
        named.line_no::bigint as source_line,
        run.business_date as run_on,
        run.pass_no
    from named
    cross join run
    {% if is_incremental() %}
    where
        not exists (
            select from {{ this }} as known
            where
                known.entry_key = {{ content_key(['named.item_key', 'named.entry_type', 'named.file_stem']) }}
                and {{ is_standing('known') }}
        )
    {% endif %}
)

select * from final
