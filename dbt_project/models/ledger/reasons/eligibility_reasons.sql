-- Rules 2: who qualifies. One judgement for each day on which the answer changed, and one for each event that asked.
-- All rules are checked, except for an unknown subscriber. They saw the state that the run knew.
with judgements as (
    select
        campaign_id,
        subscriber_id,
        judged_for as event_on,
        null::text as asked_by,
        business_date as state_on,
        reasons as failed,
        terms_version,
        source_file,
        source_line,
        business_date,
        attempt_no
    from {{ ref('int_eligibility__statuses') }}

    {% for subject, decisions, request_id, requested_at in [
        ('DEVICE', 'device_decisions', 'order_id', 'ordered_at'),
        ('FAMILY', 'family_decisions', 'request_id', 'effective_at'),
        ('RECHARGE', 'recharge_decisions', 'recharge_id', 'recharged_at'),
    ] %}
    union all

    select
        campaign_id,
        subscriber_id,
        {{ requested_at }}::date as event_on,
        '{{ subject }} ' || {{ request_id }} as asked_by,
        {{ requested_at }}::date as state_on,
        ineligibility_reasons as failed,
        terms_version,
        null as source_file,
        null as source_line,
        business_date,
        attempt_no
    from {{ ref(decisions) }}
    {{ "where action = 'ADD'" if subject == 'FAMILY' }}
    {% endfor %}
)

select
    judgements.campaign_id,
    judgements.subscriber_id,
    judgements.event_on,
    'ELIGIBILITY' as subject,
    judgements.asked_by as subject_id,
    rules.step_no,
    rules.rule,
    '2' as rule_no,
    case when rules.rule in ('UNKNOWN', 'DECISION') or states.is_present then rules.input end as input,
    case
        when rules.rule = 'DECISION' and cardinality(judgements.failed) = 0 then 'ELIGIBLE'
        when rules.rule = 'DECISION' then 'NOT ELIGIBLE'
        when rules.rule = any(judgements.failed) then 'failed'
        when 'UNKNOWN' = any(judgements.failed) then 'not asked'
        else 'passed'
    end as outcome,
    case when rules.rule = 'DECISION' then coalesce(judgements.failed[1], 'ELIGIBLE') end as reason,
    judgements.terms_version,
    coalesce(judgements.source_file, states.source_file) as source_file,
    coalesce(judgements.source_line, states.source_line) as source_line,
    judgements.business_date,
    judgements.attempt_no
from judgements
left join {{ ref('stg_campaign__versions') }} as versions
    on judgements.campaign_id = versions.campaign_id and judgements.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on judgements.campaign_id = campaigns.campaign_id
left join lateral (
    select history.*
    from {{ ref('int_subscriber__history') }} as history
    where
        history.subscriber_id = judgements.subscriber_id
        and history.state_on <= judgements.state_on
        and (history.business_date, history.attempt_no) <= (judgements.business_date, judgements.attempt_no)
    order by history.state_on desc, history.revision desc
    limit 1
) as states on true
left join {{ ref('int_holdout__customers') }} as holdouts
    on judgements.campaign_id = holdouts.campaign_id and states.customer_id = holdouts.customer_id
cross join
    lateral (
        values (
            versions.terms -> 'eligibility',
            'activation_date ' || coalesce(states.activation_date::text, 'missing'),
            ' years needed by ' || case versions.terms -> 'eligibility' ->> 'tenure_judged_on'
                when 'campaign_start' then campaigns.starts_on
                else judgements.event_on
            end
        )
    ) as asked (eligibility, activation, years_needed)
cross join lateral (
    values
    (1, 'UNKNOWN', concat(case when states.is_present then 'in' else 'in no' end, ' snapshot of subscribers')),
    (
        2, 'BAD_DATE',
        concat(
            asked.activation, ', from ', asked.eligibility ->> 'founded_on', ' to ', judgements.event_on, ' allowed'
        )
    ),
    (3, 'NOT_ACTIVE', concat('status ', coalesce(states.status, 'missing'), ', A needed')),
    (
        4, 'SEGMENT',
        concat(
            'segment ', coalesce(states.segment, 'missing'), ', one of ', asked.eligibility -> 'segments', ' needed'
        )
    ),
    (5, 'NOT_VERIFIED', concat('real_name ', coalesce(states.real_name, 'missing'), ', Y needed')),
    (
        6, 'SECONDARY',
        concat(
            'card_role ', coalesce(states.card_role, 'missing'), ', main_card_only ',
            asked.eligibility ->> 'main_card_only'
        )
    ),
    (7, 'TENURE', concat(asked.activation, ', ', asked.eligibility ->> 'tenure_years', asked.years_needed)),
    (
        8, 'PORTED_IN',
        coalesce(
            'port_in_date ' || states.port_in_date || ', ' || (asked.eligibility ->> 'port_in_years')
            || asked.years_needed, 'never ported in'
        )
    ),
    (
        9, 'OWNER_CHANGED',
        coalesce(
            'owner_since ' || states.owner_since || ', ' || (asked.eligibility ->> 'owner_years') || asked.years_needed,
            'never changed hands'
        )
    ),
    (
        10, 'HOLDOUT',
        concat(
            'customer ', coalesce(states.customer_id, 'missing'),
            case when holdouts.is_control then ' is' else ' is not' end, ' in the control group'
        )
    ),
    (11, 'DECISION', array_to_string(judgements.failed, ', '))
) as rules (step_no, rule, input)
