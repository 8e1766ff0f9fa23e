-- Rules 7: who became a member, and what ended it. No longer qualifying ends nothing.
select
    decided.*, -- noqa: AM04
    decided.effective_on as event_on,
    'MEMBERSHIP' as subject,
    decided.grant_key as subject_id,
    null as feed,
    null as benefit,
    case decided.action when 'ADD' then 'MEMBER' else 'NOT MEMBER' end as outcome,
    array[
        array['CLOSED', '7', concat('status ', coalesce(states.status, 'not delivered'), ', ended by C')],
        array['PORTED_OUT', '7', concat('status ', coalesce(states.status, 'not delivered'), ', ended by P')],
        array[
            'HOLDOUT', '7', concat(
                'customer ', coalesce(states.customer_id, 'missing'),
                case decided.reason when 'HOLDOUT' then ' is' else ' is not' end, ' in the control group'
            )
        ],
        array['DECISION', '7', concat('member since ', decided.member_since)]
    ] as rules
from {{ ref('membership_changes') }} as decided
left join lateral (
    select
        history.status,
        history.customer_id
    from {{ ref('int_subscriber__history') }} as history
    where
        history.subscriber_id = decided.subscriber_id
        and history.state_on <= decided.business_date
        and (history.business_date, history.attempt_no) <= (decided.business_date, decided.attempt_no)
    order by history.state_on desc, history.revision desc
    limit 1
) as states on true
