-- What the carrier's answers settle: the money of each line moves from committed to actual, or back.
{{ config(
    materialized='incremental',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

answered as (
    select outcomes.*
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    left join {{ ref('data_gift_decisions') }} as gifts
        on outcomes.item_key = gifts.grant_key and outcomes.outcome = 'RETRY'
    where
        outcomes.benefit is not null
        -- a gift to be sent again after its month is over is refused for good
        and (outcomes.outcome in ('ACCEPTED', 'REFUSED') or gifts.valid_to < run.next_date)
),

named as (
    select
        answered.*,
        case
            when answered.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') and answered.outcome = 'ACCEPTED' then 'credited'
            when answered.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') then 'rejected'
            when answered.benefit = 'CLAWBACK' and answered.outcome = 'ACCEPTED' then 'recovered'
            when answered.benefit = 'CLAWBACK' then 'leaked'
            when answered.outcome = 'ACCEPTED' then 'accepted'
            else 'refused'
        end as entry_type
    from answered
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
        case when named.outcome = 'RETRY' then 'EXPIRED' else named.code end as reason,
        named.file_stem as source_file,
        named.line_no::bigint as source_line,
        run.business_date as run_on,
        run.pass_no
    from named
    cross join run
    {% if is_incremental() -%}
    where
        not exists (
            select from {{ this }} as settled
            where
                settled.entry_key = {{ content_key(['named.item_key', 'named.entry_type', 'named.file_stem']) }}
                and not (run.is_retry and settled.run_on = run.business_date and settled.pass_no >= run.pass_no)
        )
    {%- endif %}
)

select * from final
