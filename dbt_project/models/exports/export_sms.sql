-- The messages to hand over: those built and not suppressed in this pass, and those the carrier asked to send again while what
-- they tell is still true.
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
    left join {{ ref('int_outbox__setbacks') }} as retries
        on
            messages.message_key = retries.item_key
            and retries.outcome = 'RETRY' and retries.answered_on = run.business_date
    where
        messages.fate = 'sent'
        and (
            ({{ is_this_pass('messages') }})
            or (
                retries.item_key is not null
                and coalesce(messages.useful_until >= run.next_date, true)
            )
        )
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
        {{ file_seq('sms') }} as file_seq,
        (placed.place % interfaces.max_rows + 1)::integer as line_no
    from placed
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'sms'
),

final as (
    select
        numbered.campaign_id,
        {{ file_stem('numbered.file_pattern', 'sms', 'numbered.campaign_id', 'numbered.business_date', 'numbered.file_seq') }} as file_stem,
        numbered.file_seq,
        numbered.line_no,
        numbered.item_key,
        numbered.answer_key,
        numbered.benefit,
        numbered.budget_line,
        numbered.committed_fen,
        numbered.liability_fen,
        numbered.message_key,
        numbered.subscriber_id,
        numbered.msisdn,
        numbered.template_code,
        numbered.not_before,
        numbered.not_after,
        numbered.segments,
        numbered.text
    from numbered
)

select * from final
