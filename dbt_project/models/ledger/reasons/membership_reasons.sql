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
left join lateral (
    select
        history.status,
        history.customer_id
    from {{ ref('int_subscriber__history') }} as history
    where
        history.subscriber_id = decided.subscriber_id
        and history.state_on <= decided.run_on
        and (history.run_on, history.pass_no) <= (decided.run_on, decided.pass_no)
    order by history.state_on desc, history.revision desc
    limit 1
) as states on true
cross join lateral (
    select
        listed.*,
        min(case when decided.action = 'REMOVE' and listed.rule = decided.reason then listed.step_no end)
            over () as failed_at
    from (
        values
        (1, 'CLOSED', concat('status ', coalesce(states.status, 'not delivered'), ', ended by C')),
        (2, 'PORTED_OUT', concat('status ', coalesce(states.status, 'not delivered'), ', ended by P')),
        (
            3, 'HOLDOUT',
            concat(
                'customer ', coalesce(states.customer_id, 'missing'),
                case when decided.reason = 'HOLDOUT' then ' is' else ' is not' end, ' in the control group'
            )
        ),
        (4, 'DECISION', concat('member since ', decided.member_since))
    ) as listed (step_no, rule, input)
) as rules
