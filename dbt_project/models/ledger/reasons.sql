-- Why: for each judgement, every rule in its order, with input and outcome; the last row of each is the decision. The
-- union of the models of `reasons/`; benefits with ordered rules reach it through `decision_reasons`. Query it for one
-- subscriber: each part finds the rows by an index.
{#- its parts' folder has its name, so that their config would be its own -#}
{{ config(materialized='stable_view', contract={'enforced': true}) }}

{% for reasons in [
    'credit_reasons',
    'decision_reasons',
    'eligibility_reasons',
    'message_reasons',
] -%}
select
    campaign_id,
    subscriber_id,
    event_on,
    subject,
    subject_id,
    step_no,
    rule,
    rule_no,
    input,
    outcome,
    reason,
    terms_version,
    source_file,
    source_line,
    business_date,
    attempt_no
from {{ ref(reasons) }}
{{ 'union all' if not loop.last }}
{% endfor %}
