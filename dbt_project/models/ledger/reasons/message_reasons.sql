-- Rules 8: each message as it was built. Service messages need no consent and have no frequency limit.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.business_date as event_on,
    'MESSAGE' as subject,
    decided.message_key as subject_id,
    rules.step_no,
    rules.rule,
    '8' as rule_no,
    rules.input,
    case
        when rules.rule = 'DECISION' then upper(decided.fate)
        when decided.template_class = 'service' and rules.is_for_marketing then 'not asked'
        else {{ rule_outcome('rules') }}
    end as outcome,
    case when rules.rule = 'DECISION' then decided.reason end as reason,
    decided.terms_version,
    null::text as source_file,
    null::bigint as source_line,
    decided.business_date,
    decided.attempt_no
from {{ ref('messages') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
cross join lateral (
    select
        listed.*,
        min(case when listed.rule = decided.reason then listed.step_no end) over () as failed_at
    from (
        values
        (1, 'OPTED_OUT', true, concat(decided.template_class, ' message')),
        (2, 'NO_CONSENT', true, concat(decided.template_class, ' message')),
        (3, 'NUMBER_CHANGED', false, concat('number ', coalesce(decided.msisdn, 'missing'))),
        (
            4, 'FREQUENCY', true,
            concat(
                versions.terms -> 'messages' -> 'marketing_limit' ->> 'messages', ' in ',
                versions.terms -> 'messages' -> 'marketing_limit' ->> 'days', ' days allowed'
            )
        ),
        (5, 'EXPIRED', false, coalesce('useful until ' || decided.useful_until, 'always useful')),
        (
            6, 'DECISION', false,
            concat(decided.template_code, ' by ', decided.channel, ', not before ', decided.not_before)
        )
    ) as listed (step_no, rule, is_for_marketing, input)
) as rules
