-- What earlier runs decided of each request, by whatever benefit, in one shape. The models that decide come later in
-- the graph: they are read here as sources. One entry a benefit; what its decisions call otherwise stands there.
--
-- `slots` are the lines in which a request stands for its limits, `limits` how many each lets pass (null: any number);
-- what is granted holds its slots until it is given back. `content_hash` is null where one decision is made of an id.
{#- whoever waits for a code holds a slot, once -#}
{% set holds_card -%}
reason = 'WAITING' or (
        reason = 'GRANTED' and not exists (
            select from {{ source('decided', 'card_decisions') }} as waited
            where
                waited.claim_id = claims.claim_id
                and waited.grant_key = claims.grant_key
                and waited.reason = 'WAITING'
        )
    )
{%- endset %}
{% set benefits = {
    'recharge_decisions': {
        'feed': 'recharge', 'benefit': 'recharge', 'request_id': 'recharge_id', 'requested_at': 'recharged_at',
        'slot_month': 'recharged_month', 'limits': 'array[limit_per_tier_month, customer_limit_per_month]',
        'slots': recharge_slots('campaign_id', 'recharged_month', 'subscriber_id', 'tier_face_fen', 'customer_id'),
    },
    'device_decisions': {
        'feed': 'device_order', 'benefit': 'devices', 'request_id': 'order_id', 'requested_at': 'ordered_at',
        'slot_month': 'null', 'slots': device_slots('campaign_id', 'subscriber_id'),
        'limits': 'array[device_limit, null]',
    },
    'family_decisions': {
        'feed': 'family_request', 'benefit': 'family_numbers', 'requested_at': 'effective_at', 'holds_slots': 'false',
        'slot_month': 'null', 'slots': 'null', 'limits': 'null', 'where': 'request_id is not null',
    },
    'card_decisions': {
        'feed': 'card_claim', 'benefit': 'cards', 'request_id': 'claim_id', 'requested_at': 'claimed_at',
        'holds_slots': holds_card, 'slot_month': 'claimed_month',
        'slots': card_slots('campaign_id', 'claimed_month', 'subscriber_id'), 'limits': 'null',
        'content_hash': 'content_hash', 'alias': 'claims', 'where': "reason <> 'WITHDRAWN'",
    },
    'trial_decisions': {
        'feed': 'trial_application', 'benefit': 'trials', 'request_id': 'application_id', 'requested_at': 'applied_at',
        'holds_slots': 'false', 'slot_month': 'null', 'slots': 'null', 'limits': 'null',
        'content_hash': 'content_hash',
    },
} %}

{% for decisions, said in benefits.items() -%}
select
    '{{ said.feed }}' as feed,
    '{{ said.benefit }}' as benefit,
    campaign_id,
    {%- for column, unsaid in {
        'request_id': 'request_id',
        'subscriber_id': 'subscriber_id',
        'reason': 'reason',
        'holds_slots': "reason = 'GRANTED'",
        'requested_at': 'requested_at',
        'slot_month': 'slot_month',
        'slots': 'slots',
        'limits': 'limits',
        'content_hash': 'null',
    }.items() %}
    {{ said.get(column, unsaid) }}{{ ' as ' ~ column if said.get(column, unsaid) != column }},
    {%- endfor %}
    source_file,
    source_line,
    business_date,
    attempt_no
from {{ source('decided', decisions) }}{{ ' as ' ~ said.alias if said.alias }}
{{ 'where ' ~ said.where if said.where }}
{{ 'union all' if not loop.last }}
{% endfor %}
