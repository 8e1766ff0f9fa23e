-- The data gifts to set up: those decided in this pass, and those the carrier asked to send again while they are still valid.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        gifts.grant_key,
        null::text as resend_of
    from {{ ref('data_gift_decisions') }} as gifts
    inner join run on {{ is_this_pass('gifts') }}

    union all

    select
        setbacks.item_key as grant_key,
        setbacks.resend_of
    from {{ ref('int_outbox__setbacks') }} as setbacks
    inner join run on setbacks.answered_on = run.business_date
    where setbacks.interface = 'data_grant' and setbacks.outcome = 'RETRY'
),

to_send as (
    select
        gifts.campaign_id,
        gifts.grant_key as item_key,
        gifts.grant_key as answer_key,
        'DATA_GIFT' as benefit,
        'B1' as budget_line,
        gifts.cost_fen as committed_fen,
        0::bigint as liability_fen,
        chosen.resend_of,
        gifts.grant_key,
        gifts.subscriber_id,
        states.msisdn,
        gifts.product_code,
        gifts.megabytes,
        gifts.valid_from,
        gifts.valid_to
    from chosen
    inner join {{ ref('data_gift_decisions') }} as gifts on chosen.grant_key = gifts.grant_key
    inner join run on gifts.valid_to >= run.next_date
    left join lateral (
        select history.msisdn
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = gifts.subscriber_id and history.state_on <= run.business_date
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

numbered as (
    select
        placed.*,
        run.business_date,
        interfaces.file_pattern,
        {{ file_seq('data_grant') }} as file_seq,
        (placed.place % interfaces.max_rows + 1)::integer as line_no
    from placed
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'data_grant'
),

final as (
    select
        numbered.campaign_id,
        {{ file_stem('numbered.file_pattern', 'data_grant', 'numbered.campaign_id', 'numbered.business_date', 'numbered.file_seq') }} as file_stem,
        numbered.file_seq,
        numbered.line_no,
        numbered.item_key,
        numbered.answer_key,
        numbered.benefit,
        numbered.budget_line,
        numbered.committed_fen,
        numbered.liability_fen,
        numbered.grant_key,
        numbered.subscriber_id,
        numbered.msisdn,
        numbered.product_code,
        numbered.megabytes,
        numbered.valid_from,
        numbered.valid_to
    from numbered
)

select * from final
