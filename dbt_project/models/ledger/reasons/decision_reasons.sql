-- Decisions that ask their rules one after the other, until one fails. `rules` of each benefit's model holds the name,
-- number and input of each; what any request meets, and what became of its grant since, is told here.
with decided as (
    {% for reasons in [
        'card_reasons',
        'data_gift_reasons',
        'device_reasons',
        'family_reasons',
        'membership_reasons',
        'recharge_reasons',
        'trial_reasons',
    ] -%}
    select
        campaign_id,
        subscriber_id,
        event_on,
        subject,
        subject_id,
        feed,
        benefit,
        rules,
        outcome,
        reason,
        grant_key,
        terms_version,
        source_file,
        source_line,
        business_date,
        attempt_no
    from {{ ref(reasons) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    decided.campaign_id,
    decided.subscriber_id,
    decided.event_on,
    decided.subject,
    decided.subject_id,
    rules.step_no,
    rules.rule,
    rules.rule_no,
    case rules.rule
        when 'CONFLICT' then concat('rows of ', decided.subject_id, ' with other content')
        when 'WINDOW' then concat(rules.input, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
        when 'LATE'
            then concat(
                'in ', decided.source_file, ', honoured until ',
                campaigns.ends_on + (versions.terms -> decided.benefit ->> 'late_days')::integer
            )
        when 'NOT_ELIGIBLE' then coalesce(nullif(rules.input, ''), 'qualifies')
        when 'OTHER_CAMPAIGN' then 'whether a campaign of higher priority gives'
        when 'EXCLUSIVE'
            then concat(rules.input, case when decided.feed is not null then coalesce((
                select string_agg(others.campaign_id, ', ' order by others.campaign_id)
                from {{ ref('stg_decided__requests') }} as others
                where
                    others.request_id = decided.subject_id
                    and others.feed = decided.feed
                    -- of the rows of a recharge in conflict another campaign may have granted another subscriber's
                    and (others.subscriber_id = decided.subscriber_id or others.feed = 'recharge')
                    and others.campaign_id <> decided.campaign_id
                    and others.reason in ('GRANTED', 'APPROVED')
                    and (others.business_date, others.attempt_no) <= (decided.business_date, decided.attempt_no)
            ), 'no other campaign') end)
        when 'CAP'
            then concat(
                rules.input, ', waits since ' || waits.waiting_since, ', given on ' || waits.funded_on,
                ', withdrawn on ' || waits.withdrawn_on
            )
        when 'DECISION'
            then concat(
                rules.input, ', holds no longer since ' || voids.business_date || ': ' || voids.source_file || ' line '
                || voids.source_line || ' ' || voids.withdrawal_reason
            )
        else rules.input
    end as input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when voids.request_id is not null then 'WITHDRAWN'
        when asked.reason <> 'CAP' then decided.outcome
        when waits.withdrawn_on is not null then 'WITHDRAWN'
        else 'WAITING'
    end as outcome,
    case when rules.rule = 'DECISION' then asked.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.business_date,
    decided.attempt_no
from decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join {{ ref('waiting_list') }} as waits on decided.grant_key = waits.grant_key and decided.reason = 'GRANTED'
-- the end of a link and a withdrawn claim are decisions of their own; a trial stays as it was granted
left join lateral (
    select found.*
    from {{ ref('int_request__voids') }} as found
    where
        found.request_id = decided.subject_id
        and found.feed = decided.feed
        and found.feed not in ('card_claim', 'family_request', 'trial_application')
        and (decided.business_date, decided.attempt_no) < (found.business_date, found.attempt_no)
    order by found.business_date, found.attempt_no
    limit 1
) as voids on true
cross join
    lateral (
        values (case when waits.grant_key is not null and waits.funded_on is null then 'CAP' else decided.reason end)
    ) as asked (reason)
cross join lateral (
    select
        steps.step_no,
        decided.rules[steps.step_no][1] as rule,
        decided.rules[steps.step_no][2] as rule_no,
        decided.rules[steps.step_no][3] as input,
        min(case when decided.rules[steps.step_no][1] = asked.reason then steps.step_no end) over () as failed_at
    from generate_subscripts(decided.rules, 1) as steps (step_no)
) as rules
