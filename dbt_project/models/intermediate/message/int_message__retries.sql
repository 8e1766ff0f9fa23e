-- Messages that the carrier asked to send again, judged a second time when they are handed over (rules, 8): a message
-- that is no longer true or allowed, or no longer to this subscriber's number, is not sent, and its cost is given back.
-- Looked up one by one: they are few, unless a whole file was refused, and every lookup uses an index. A table, since
-- the planner of its readers needs its size.
{{ config(materialized='refilled') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

retries as (
    select
        messages.*,
        rejections.resend_of,
        rejections.file_stem
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    inner join {{ ref('messages') }} as messages on rejections.item_key = messages.message_key
    where rejections.interface in ('sms', 'push') and rejections.outcome = 'RETRY'
),

judged as (
    select
        retries.*,
        run.next_date + terms.messages_from as sent_not_before,
        run.next_date + terms.messages_to as sent_not_after,
        terms.marketing_limit,
        coalesce(retries.useful_until < run.next_date, false) as is_expired,
        case
            when retries.template_class = 'marketing' and last_words.action = 'OUT' then 'OPTED_OUT'
            when retries.template_class = 'marketing' and coalesce(states.sms_consent, '') <> 'Y' then 'NO_CONSENT'
            when
                states.is_present is not true
                or states.status not in ('A', 'S')
                or (retries.channel = 'sms' and states.msisdn is distinct from retries.msisdn)
                then 'NUMBER_CHANGED'
        end as refusal,
        coalesce(handed_over.messages, 0) as messages_before
    from retries
    cross join run
    inner join lateral {{ function('terms_on') }}(run.next_date) as terms on retries.campaign_id = terms.campaign_id
    left join lateral {{ function('state_as_of') }}(retries.subscriber_id, run.business_date) as states on true
    left join lateral (
        select preferences.action
        from {{ ref('int_optout__preferences') }} as preferences
        where
            preferences.subscriber_id = retries.subscriber_id
            and (preferences.action = 'OUT' or preferences.counts_from < run.next_date)
        order by preferences.counts_from desc, preferences.action desc, preferences.event_id desc
        limit 1
    ) as last_words on true
    -- others that the subscriber was sent in the last days; what the carrier refused reached nobody
    left join lateral (
        select count(distinct others.message_key) as messages
        from {{ ref('messages') }} as others
        inner join {{ ref('int_outbox__outcomes') }} as outcomes on others.message_key = outcomes.item_key
        where
            others.subscriber_id = retries.subscriber_id
            and others.template_class = 'marketing'
            and others.message_key <> retries.message_key
            and outcomes.business_date > run.business_date - terms.marketing_limit_days
            and coalesce(outcomes.outcome, 'ACCEPTED') = 'ACCEPTED'
    ) as handed_over on retries.template_class = 'marketing'
),

-- resends of this run come in the order in which they were built
counted as (
    select
        judged.*,
        judged.template_class = 'marketing' and judged.messages_before + count(*) filter (
            where judged.template_class = 'marketing' and judged.refusal is null and not judged.is_expired
        ) over (
            partition by judged.subscriber_id
            order by judged.business_date, judged.message_key
            rows between unbounded preceding and 1 preceding
        ) >= judged.marketing_limit as is_too_frequent
    from judged
)

select
    counted.message_key,
    counted.file_stem,
    counted.resend_of,
    counted.sent_not_before as not_before,
    counted.sent_not_after as not_after,
    coalesce(
        counted.refusal,
        case when counted.is_too_frequent then 'FREQUENCY' end,
        case when counted.is_expired then 'EXPIRED' end
    ) as refusal
from counted
