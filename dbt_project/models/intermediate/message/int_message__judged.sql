-- Notices that were not sent before, each with its template and the reason that refuses it (rules, 8).
with run as (
    select * from {{ ref('stg_run__current') }}
),

templates as materialized (
    select * from {{ ref('int_message__templates') }}
),

notices as materialized (
    select told.*
    from {{ ref('int_message__notices') }} as told
    cross join run
    where
        not exists (
            select from {{ ref('stg_decided__messages') }} as known
            where known.message_key = told.message_key and {{ is_current('known') }}
        )
),

-- of all subscribers: on a month's first day half a million lookups cost more than reading everybody
states as (
    select * from {{ ref('int_subscriber__current') }}
    where exists (select from notices)
),

last_preferences as (
    select distinct on (preferences.subscriber_id)
        preferences.subscriber_id,
        preferences.action
    from {{ ref('int_optout__preferences') }} as preferences
    cross join run
    where
        (preferences.action = 'OUT' or preferences.counts_from < run.next_date)
        and preferences.subscriber_id in (
            select notices.subscriber_id
            from notices
            inner join templates
                on
                    notices.campaign_id = templates.campaign_id
                    and notices.template_code = templates.template_code
                    and templates.template_class = 'marketing'
        )
    order by
        preferences.subscriber_id asc, preferences.counts_from desc, preferences.action desc, preferences.event_id desc
)

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
        when templates.template_class = 'marketing' and last_preferences.action = 'OUT' then 'OPTED_OUT'
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
left join last_preferences on notices.subscriber_id = last_preferences.subscriber_id
