-- Notices about data gifts: each that the carrier has accepted.
{% set words = {
    'gigabytes': 'trim_scale(round(gifts.megabytes / 1024.0, 2))::text',
    'megabytes': 'gifts.megabytes::text',
    'valid_from': "to_char(gifts.valid_from, 'FMMM月FMDD日')",
    'valid_to': "to_char(gifts.valid_to, 'FMMM月FMDD日')",
    'month': "to_char(gifts.month, 'FMMM月')",
} %}

select
    gifts.campaign_id,
    templates.template_code,
    gifts.subscriber_id,
    gifts.grant_key,
    gifts.month::text as period,
    accepted.business_date as addressed_on,
    gifts.valid_to as useful_until,
    {{ filled_in('templates.template_title', words) }} as message_title,
    {{ filled_in('templates.template_text', words) }} as message_text,
    null::text as secret_reference,
    null::integer as secret_length,
    null::integer as secret_at
from {{ ref('int_outbox__outcomes') }} as accepted
inner join {{ ref('stg_run__current') }} as run on accepted.answered_on = run.business_date
inner join {{ ref('data_gift_decisions') }} as gifts on accepted.item_key = gifts.grant_key
inner join {{ ref('int_message__templates') }} as templates
    on gifts.campaign_id = templates.campaign_id and templates.template_event = 'data_gift'
where accepted.benefit = 'DATA_GIFT' and accepted.outcome = 'ACCEPTED'
