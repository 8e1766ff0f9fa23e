-- Rules 7: each application for a trial.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.applied_on as event_on,
    'TRIAL' as subject,
    decided.application_id as subject_id,
    rules.step_no,
    rules.rule,
    case rules.rule when 'CAP' then '10' else '7' end as rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when rules.failed_at is null then 'GRANTED'
        when waits.withdrawn_on is not null then 'WITHDRAWN'
        when asked.reason = 'CAP' then 'WAITING'
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then asked.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('trial_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join lateral (
    select
        listed.offer ->> 'places' as places,
        greatest((listed.offer ->> 'opens_on')::date, campaigns.starts_on) as opens_on
    from jsonb_array_elements(versions.terms -> 'trials' -> 'offers') as listed (offer)
    where listed.offer ->> 'code' = decided.trial_code
) as offers on true
left join {{ ref('waiting_list') }} as waits on decided.grant_key = waits.grant_key and decided.reason = 'GRANTED'
cross join
    lateral (
        values (case when waits.grant_key is not null and waits.freed_on is null then 'CAP' else decided.reason end)
    ) as asked (reason)
cross join lateral (
    select
        listed.*,
        min(case when listed.rule = asked.reason then listed.step_no end) over () as failed_at
    from (
        values
        (1, 'CONFLICT', concat('rows of ', decided.application_id, ' with other content')),
        (
            2, 'WINDOW',
            concat('applied ', decided.applied_at, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
        ),
        (
            3, 'LATE',
            concat(
                'in ', decided.source_file, ', honoured until ',
                campaigns.ends_on + (versions.terms -> 'trials' ->> 'late_days')::integer
            )
        ),
        (4, 'UNKNOWN_TRIAL', concat('trial ', decided.trial_code)),
        (5, 'NOT_OPEN', concat('opens on ', offers.opens_on)),
        (
            6, 'TOO_EARLY',
            concat(
                case when decided.is_member then 'a member' else 'no member' end, ', others from ',
                offers.opens_on + (versions.terms -> 'trials' ->> 'member_lead_days')::integer
            )
        ),
        (
            7, 'NOT_ELIGIBLE',
            concat(
                coalesce(decided.not_eligible_reason, 'nothing in the way'), ' (of members only status and control '
                'group are asked, of others all but years)'
            )
        ),
        (8, 'OTHER_CAMPAIGN', 'whether a campaign of higher priority gives'),
        (9, 'DUPLICATE', concat('trial ', decided.trial_code, ' granted to him before')),
        (10, 'FULL', concat(offers.places, ' places')),
        (
            11, 'CAP',
            concat(
                'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B4',
                ', waits since ' || waits.waits_since,
                ', given on ' || waits.freed_on, ', withdrawn on ' || waits.withdrawn_on
            )
        ),
        (
            12, 'DECISION',
            concat('trial ', decided.trial_code, ', cost ' || {{ yuan('decided.cost_fen') }} || ' yuan')
        )
    ) as listed (step_no, rule, input)
) as rules
