-- Data to set up, of every benefit that gives data: the union of the models of `data_grant_rows/`.
{% for rows in [
    'data_grant_gifts',
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
    product_code,
    megabytes,
    valid_from,
    valid_to
from {{ ref(rows) }}
{{ 'union all' if not loop.last }}
{% endfor %}
