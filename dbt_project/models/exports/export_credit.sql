-- Money to credit or take back, of every benefit that pays in credits: the union of the models of `credit_rows/`.
{% for rows in [
    'credit_recharges',
] -%}
select
    campaign_id,
    item_key,
    answer_key,
    benefit,
    budget_line,
    committed_fen,
    liability_fen,
    {{ missing_columns(['msisdn']) }} as missing_columns,
    resend_of,
    grant_key,
    subscriber_id,
    msisdn,
    amount,
    kind,
    instalment_no,
    instalments,
    source_recharge_id
from {{ ref(rows) }}
{{ 'union all' if not loop.last }}
{% endfor %}
