-- The messages to hand over: those built and not suppressed in this pass, and those the carrier asked to send again
-- that were judged anew.
with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
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
)

select * from final
