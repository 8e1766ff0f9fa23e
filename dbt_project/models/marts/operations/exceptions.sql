-- What people have to look at, one row each, with what to do. The union of the models of `exception_rows/`.
{% for exceptions in [
    'exceptions_budget',
    'exceptions_cards',
    'exceptions_conflicts',
    'exceptions_control',
    'exceptions_credits',
    'exceptions_devices',
    'exceptions_expenses',
    'exceptions_family',
    'exceptions_incomplete_rows',
    'exceptions_intake',
    'exceptions_messages',
    'exceptions_outbox',
    'exceptions_readiness',
    'exceptions_recharges',
    'exceptions_stock',
    'exceptions_subscribers',
    'exceptions_tickets',
    'exceptions_trials',
] -%}
select
    campaign_id,
    exception_type,
    found_on,
    subscriber_id,
    item_key,
    amount_fen,
    {{ without_numbers('source_file') }} as source_file,
    source_line,
    {{ without_numbers('detail') }} as detail,
    what_to_do
from {{ ref(exceptions) }}
{{ 'union all' if not loop.last }}
{% endfor %}
