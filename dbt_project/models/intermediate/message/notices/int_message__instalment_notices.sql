-- Notices about instalments: each that the carrier has accepted.
{% set words = {
    'instalment_no': 'obligations.instalment_no::text',
    'instalments': 'obligations.instalments::text',
    'yuan': yuan('obligations.amount_fen'),
    'recharge_id': 'obligations.recharge_id',
} %}

select
    obligations.campaign_id,
    templates.template_code,
    obligations.subscriber_id,
    obligations.grant_key,
    {{ key_text(['obligations.life_id', 'obligations.instalment_no']) }} as period,
    accepted.business_date as addressed_on,
    null::date as useful_until,
    {{ filled_in('templates.template_title', words) }} as message_title,
    {{ filled_in('templates.template_text', words) }} as message_text,
    null::text as secret_reference,
    null::integer as secret_length,
    null::integer as secret_at
from {{ ref('int_outbox__outcomes') }} as accepted
inner join {{ ref('stg_run__current') }} as run on accepted.answered_on = run.business_date
inner join {{ ref('credit_obligations') }} as obligations
    on accepted.item_key = obligations.grant_key and obligations.kind = 'INSTALMENT'
inner join {{ ref('int_message__templates') }} as templates
    on obligations.campaign_id = templates.campaign_id and templates.template_event = 'instalment'
where accepted.benefit = 'RECHARGE_BONUS' and accepted.outcome = 'ACCEPTED'
