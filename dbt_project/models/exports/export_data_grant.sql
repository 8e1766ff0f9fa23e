-- The data gifts to set up: those decided in this pass, and those the carrier asked to send again while they are still
-- valid.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        gifts.*,
        null::text as resend_of
    from {{ ref('data_gift_decisions') }} as gifts
    inner join run on {{ is_this_pass('gifts') }}

    union all

    -- a second sending goes to the number that the subscriber has now
    select
        gifts.campaign_id,
        gifts.subscriber_id,
        states.msisdn,
        gifts.customer_id,
        gifts.city_code,
        gifts.tenure_band,
        gifts.grant_key,
        gifts.month,
        gifts.valid_from,
        gifts.valid_to,
        gifts.product_code,
        gifts.megabytes,
        gifts.cost_fen,
        gifts.terms_version,
        gifts.source_file,
        gifts.source_line,
        gifts.run_on,
        gifts.pass_no,
        setbacks.resend_of
    from {{ ref('int_outbox__setbacks') }} as setbacks
    inner join {{ ref('data_gift_decisions') }} as gifts on setbacks.item_key = gifts.grant_key
    inner join run on setbacks.answered_on = run.business_date and gifts.valid_to >= run.next_date
    left join lateral (
        select history.msisdn
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = gifts.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    where setbacks.interface = 'data_grant' and setbacks.outcome = 'RETRY'
),

to_send as (
    select
        chosen.campaign_id,
        chosen.grant_key as item_key,
        chosen.grant_key as answer_key,
        'DATA_GIFT' as benefit,
        'B1' as budget_line,
        chosen.cost_fen as committed_fen,
        0::bigint as liability_fen,
        chosen.resend_of,
        chosen.grant_key,
        chosen.subscriber_id,
        chosen.msisdn,
        chosen.product_code,
        chosen.megabytes,
        chosen.valid_from,
        chosen.valid_to
    from chosen
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
            {{ last_file_seq('data_grant', 'batches.campaign_id', 'run.business_date') }}
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
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'data_grant'
    cross join lateral generate_series(0, (batches.lines - 1) / interfaces.max_rows) as pieces (piece)
),

named_files as (
    select
        files.*,
        interfaces.max_rows,
        {{ file_stem(
            'interfaces.file_pattern', 'data_grant', 'files.campaign_id', 'run.business_date', 'files.file_seq'
        ) }} as file_stem
    from files
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'data_grant'
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
        placed.product_code,
        placed.megabytes,
        placed.valid_from,
        placed.valid_to
    from placed
    inner join named_files
        on
            placed.campaign_id = named_files.campaign_id
            and coalesce(placed.resend_of, '') = coalesce(named_files.resend_of, '')
            and placed.place / named_files.max_rows = named_files.piece
)

select * from final
