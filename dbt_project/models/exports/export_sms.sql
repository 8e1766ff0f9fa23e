-- The SMS to hand over: those built and not suppressed in this attempt, and those the carrier asked to send again
-- that were judged again.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        messages.message_key,
        messages.not_before,
        messages.not_after,
        null::text as resend_of
    from {{ ref('messages') }} as messages
    inner join run on {{ is_this_attempt('messages') }}

    union all

    select
        retries.message_key,
        retries.not_before,
        retries.not_after,
        retries.resend_of
    from {{ ref('int_message__retries') }} as retries
    where retries.refusal is null
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
        {{ missing_columns(['messages.msisdn']) }} as missing_columns,
        chosen.resend_of,
        messages.subscriber_id,
        messages.message_key,
        messages.msisdn,
        messages.template_code,
        chosen.not_before,
        chosen.not_after,
        messages.segments,
        messages.message_text as text,
        messages.secret_reference,
        messages.secret_length,
        messages.secret_at,
        case when messages.secret_reference is not null then messages.grant_key end as secret_grant
    from chosen
    inner join {{ ref('messages') }} as messages on chosen.message_key = messages.message_key
    where messages.channel = 'sms' and messages.fate = 'sent'
)

select * from final
