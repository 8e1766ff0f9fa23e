-- Messages that the carrier asked to send again, judged a second time as they are handed over (rules, 8): what is no
-- longer true, allowed or this subscriber's number is not sent, and its cost is given back.
with run as (
    select * from {{ ref('stg_run__current') }}
),

retries as (
    select
        messages.message_key,
        messages.subscriber_id,
        messages.msisdn,
        messages.template_class,
        messages.useful_until,
        setbacks.resend_of,
        setbacks.file_stem
    from {{ ref('int_outbox__setbacks') }} as setbacks
    inner join run on setbacks.answered_on = run.business_date
    inner join {{ ref('messages') }} as messages on setbacks.item_key = messages.message_key
    where setbacks.interface = 'sms' and setbacks.outcome = 'RETRY'
),

final as (
    select
        retries.message_key,
        retries.file_stem,
        retries.resend_of,
        case
            when retries.template_class = 'marketing' and last_words.action = 'OUT' then 'OPTED_OUT'
            when retries.template_class = 'marketing' and coalesce(states.sms_consent, '') <> 'Y' then 'NO_CONSENT'
            when
                states.is_present is not true
                or states.status not in ('A', 'S')
                or (states.msisdn is distinct from retries.msisdn)
                then 'NUMBER_CHANGED'
            when retries.useful_until < run.next_date then 'EXPIRED'
        end as refusal
    from retries
    cross join run
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = retries.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join lateral (
        select events.action
        from {{ ref('int_optout__events') }} as events
        where events.subscriber_id = retries.subscriber_id and events.opted_at < run.next_date
        order by events.opted_at desc, events.event_id desc
        limit 1
    ) as last_words on true
)

select * from final
