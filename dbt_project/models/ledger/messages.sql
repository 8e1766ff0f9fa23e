-- Messages and their fate (rules, 8): what there is to tell, judged as it is built. Who is told of what, and when, is
-- said by the notices alone: the models of intermediate/message/notices, all of one form. A notice of a grant follows
-- the carrier's acceptance, never runs before it.
--
-- No nested loops: the planner sees through no notice, expects one row, and half a million come on a month's first day.
{{ config(
    materialized='append_only',
    meta={'planner': {'enable_nestloop': 'off'}},
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

templates as materialized (
    select * from {{ ref('int_message__templates') }}
),

told as (
    {% for notices in [
        'int_message__announcement_notices',
        'int_message__card_code_notices',
        'int_message__gift_notices',
        'int_message__instalment_notices',
        'int_message__trial_notices',
    ] -%}
    select
        campaign_id,
        template_code,
        subscriber_id,
        grant_key,
        period,
        addressed_on,
        useful_until,
        message_title,
        message_text,
        secret_reference,
        secret_length,
        secret_at
    from {{ ref(notices) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

keyed as (
    select
        told.*,
        -- a period is a text of key parts itself
        md5(
            {{ key_text(['told.campaign_id', "'MESSAGE'", 'told.template_code', 'told.subscriber_id']) }}
            || '|' || told.period
        ) as message_key
    from told
),

notices as materialized (
    select keyed.*
    from keyed
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where known.message_key = keyed.message_key and {{ is_standing('known') }}
        )
),

-- of all subscribers: to look for the half million of a month's first day costs more than to take everybody
states as (
    select * from {{ ref('int_subscriber__current') }}
    where exists (select from notices)
),

last_words as (
    select distinct on (words.subscriber_id)
        words.subscriber_id,
        words.action
    from {{ ref('int_optout__words') }} as words
    cross join run
    where
        (words.action = 'OUT' or words.counts_from < run.next_date)
        and words.subscriber_id in (
            select notices.subscriber_id
            from notices
            inner join templates
                on
                    notices.campaign_id = templates.campaign_id
                    and notices.template_code = templates.template_code
                    and templates.template_class = 'marketing'
        )
    order by words.subscriber_id asc, words.counts_from desc, words.action desc, words.event_id desc
),

judged as (
    select
        notices.*,
        templates.template_no,
        templates.template_class,
        templates.channel,
        templates.priority,
        templates.not_before,
        templates.not_after,
        templates.marketing_limit,
        templates.marketing_limit_days,
        templates.segment_price_fen,
        templates.terms_version,
        states.msisdn,
        case templates.channel
            when 'sms' then {{ utf16_length('notices.message_text') }} + coalesce(notices.secret_length, 0)
        end as sms_length,
        case
            when templates.template_class = 'marketing' and last_words.action = 'OUT' then 'OPTED_OUT'
            when templates.template_class = 'marketing' and coalesce(states.sms_consent, '') <> 'Y' then 'NO_CONSENT'
            when states.is_present is not true or states.status not in ('A', 'S') then 'NUMBER_CHANGED'
            when
                templates.channel = 'sms'
                and (
                    states.msisdn is null
                    or (
                        -- the number that the benefit went to is no longer this subscriber's; looked up for the few
                        -- whose state changed since
                        states.state_on > notices.addressed_on
                        and states.msisdn is distinct from (
                            select addressed.msisdn
                            from {{ function('state_as_of') }}(notices.subscriber_id, notices.addressed_on) as addressed
                        )
                    )
                )
                then 'NUMBER_CHANGED'
        end as refusal,
        coalesce(notices.useful_until < run.next_date, false) as is_expired
    from notices
    cross join run
    inner join templates
        on notices.campaign_id = templates.campaign_id and notices.template_code = templates.template_code
    left join states on notices.subscriber_id = states.subscriber_id
    left join last_words on notices.subscriber_id = last_words.subscriber_id
),

-- in a day's batch the campaign of higher priority comes first, then the template that stands first in its file
marketing as (
    select
        judged.message_key,
        judged.subscriber_id,
        judged.marketing_limit_days,
        count(*) filter (where not judged.is_expired) over (
            partition by judged.subscriber_id
            order by judged.priority desc, judged.template_no asc, judged.message_key asc
            rows between unbounded preceding and 1 preceding
        ) as messages_before
    from judged
    where judged.template_class = 'marketing' and judged.refusal is null
),

-- what was handed over in the last days, or goes again in this run; what the carrier refused for good reached nobody
sent_before as (
    select
        marketing.message_key,
        count(distinct sent.message_key) as messages
    from marketing
    cross join run
    inner join {{ this }} as sent
        on marketing.subscriber_id = sent.subscriber_id and sent.template_class = 'marketing' and sent.fate = 'sent'
    inner join {{ ref('int_outbox__outcomes') }} as outcomes on sent.message_key = outcomes.item_key
    where
        exists (
            select from judged
            where judged.template_class = 'marketing'
        )
        and (
            (
                outcomes.run_on > run.business_date - marketing.marketing_limit_days
                and coalesce(outcomes.outcome, '') <> 'REFUSED'
            )
            or (outcomes.answered_on = run.business_date and outcomes.outcome = 'RETRY')
        )
    group by marketing.message_key
),

counted as (
    select
        judged.*,
        coalesce(
            marketing.messages_before + coalesce(sent_before.messages, 0)
            >= judged.marketing_limit,
            false
        ) as is_too_frequent,
        case when judged.sms_length <= 70 then 1 else coalesce((judged.sms_length + 66) / 67, 0) end as segments
    from judged
    left join marketing on judged.message_key = marketing.message_key
    left join sent_before on judged.message_key = sent_before.message_key
),

final as (
    select
        counted.message_key,
        counted.campaign_id,
        counted.template_code,
        counted.template_class,
        counted.channel,
        counted.subscriber_id,
        counted.grant_key,
        counted.msisdn,
        case
            when counted.refusal is null and not counted.is_too_frequent and not counted.is_expired then 'sent'
            else 'suppressed'
        end as fate,
        coalesce(
            counted.refusal,
            case when counted.is_too_frequent then 'FREQUENCY' end,
            case when counted.is_expired then 'EXPIRED' end
        ) as reason,
        counted.not_before,
        counted.not_after,
        counted.useful_until,
        counted.message_title,
        counted.message_text,
        counted.secret_reference,
        counted.secret_length,
        counted.secret_at,
        counted.segments,
        counted.segments * coalesce(counted.segment_price_fen, 0) as cost_fen,
        counted.terms_version,
        run.business_date as run_on,
        run.pass_no
    from counted
    cross join run
)

select * from final
