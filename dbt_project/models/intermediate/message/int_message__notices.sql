-- Today's notices: the union of all kinds, in one shape, each with the key of its message.
{% for notices in [
    'int_message__announcement_notices',
    'int_message__card_code_notices',
    'int_message__gift_notices',
    'int_message__instalment_notices',
    'int_message__trial_notices',
] -%}
select
    told.campaign_id,
    told.template_code,
    told.subscriber_id,
    told.grant_key,
    told.period,
    told.addressed_on,
    told.useful_until,
    told.message_title,
    told.message_text,
    told.secret_reference,
    told.secret_length,
    told.secret_at,
    -- a period is a text of key parts itself
    md5(
        {{ key_text(['told.campaign_id', "'MESSAGE'", 'told.template_code', 'told.subscriber_id']) }}
        || '|' || told.period
    ) as message_key
from {{ ref(notices) }} as told
{{ 'union all' if not loop.last }}
{% endfor %}
