-- Rules 7: who became a member, and what ended it. To qualify no longer ends nothing.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.effective_on as event_on,
    'MEMBERSHIP' as subject,
    decided.grant_key as subject_id,
    rules.step_no,
    rules.rule,
    '7' as rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when decided.action = 'ADD' then 'MEMBER'
        else 'NOT MEMBER'
    end as outcome,
    case when rules.rule = 'DECISION' then decided.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('membership_changes') }} as decided
cross join lateral (
    select
        listed.*,
        min(case when decided.action = 'REMOVE' and listed.rule = decided.reason then listed.step_no end)
            over () as failed_at
    from (
        values
        (1, 'CLOSED', 'status C'),
        (2, 'PORTED_OUT', 'status P'),
        (3, 'HOLDOUT', 'customer in the control group'),
        (4, 'DECISION', concat('member since ', decided.member_since))
    ) as listed (step_no, rule, input)
) as rules
