-- Every promise, payment and change of the campaign, one row each: the only relation that the money marts read.
-- committed = promised, not yet paid; actual = paid, as far as the carrier has answered. Sums of both by line and month
-- are the budget; the sum of liability_fen is what is still owed to subscribers. The union of the models of `entries/`.
{{ config(materialized='stable_view') }}

{% for entries in [
    'card_entries',
    'closure_entries',
    'data_gift_entries',
    'device_entries',
    'expense_entries',
    'family_entries',
    'membership_entries',
    'message_entries',
    'obligation_entries',
    'recharge_discount_entries',
    'settlement_entries',
    'trial_entries',
] -%}
select
    entry_key,
    campaign_id,
    benefit,
    entry_type,
    grant_key,
    changes_key,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    event_on,
    booked_on,
    amount_fen,
    megabytes,
    budget_line,
    committed_fen,
    actual_fen,
    liability_fen,
    reason,
    participation,
    terms_version,
    source_file,
    source_line
from {{ ref(entries) }}
{{ 'union all' if not loop.last }}
{% endfor %}
