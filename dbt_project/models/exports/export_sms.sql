-- The messages to hand over: those built and not suppressed in this pass, and those the carrier asked to send again
-- that were judged anew.
with run as (
    select * from {{ ref('stg_run__current') }}
),

to_send as (
    select
        messages.campaign_id,
        messages.message_key as item_key,
        messages.message_key as answer_key,
        'SMS' as benefit,
        'B5.1' as budget_line,
        messages.cost_fen as committed_fen,
        0::bigint as liability_fen,
        retries.resend_of,
        messages.subscriber_id,
        messages.message_key,
        messages.msisdn,
        messages.template_code,
        run.next_date + messages.not_before::time as not_before,
        run.next_date + messages.not_after::time as not_after,
        messages.segments,
        messages.message_text as text
    from {{ ref('messages') }} as messages
    cross join run
    left join {{ ref('int_message__retries') }} as retries
        on messages.message_key = retries.message_key and retries.refusal is null
    where
        messages.fate = 'sent'
        and (({{ is_this_pass('messages') }}) or retries.message_key is not null)
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
            {{ last_file_seq('sms', 'batches.campaign_id', 'run.business_date') }}
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
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'sms'
    cross join lateral generate_series(0, (batches.lines - 1) / interfaces.max_rows) as pieces (piece)
),

named_files as (
    select
        files.*,
        interfaces.max_rows,
        {{ file_stem(
            'interfaces.file_pattern', 'sms', 'files.campaign_id', 'run.business_date', 'files.file_seq'
        ) }} as file_stem
    from files
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'sms'
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
        placed.message_key,
        placed.subscriber_id,
        placed.msisdn,
        placed.template_code,
        placed.not_before,
        placed.not_after,
        placed.segments,
        placed.text
    from placed
    inner join named_files
        on
            placed.campaign_id = named_files.campaign_id
            and coalesce(placed.resend_of, '') = coalesce(named_files.resend_of, '')
            and placed.place / named_files.max_rows = named_files.piece
)

select * from final
