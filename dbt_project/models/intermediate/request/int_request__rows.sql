-- The rows of every feed by which somebody asks for something, in one shape: what all of them say has one name, and
-- what only some say is null for the others. A feed that brings a new kind of request is one more entry of the list.
--
-- `event_id` is the id of the row, `request_id` of what is asked: an order of a device has several events. What only
-- tells of a request (a reversal, a shipment) is none itself.
{#- rows: the typed view of the feed; then each column of the shape that the feed fills, and by what. Of what is not
    said request_id, requested_at, subscriber_id and content_hash are called so by the feed too, the others null. -#}
{% set feeds = {
    'recharge': {
        'benefit': 'recharge', 'rows': 'stg_recharge__events', 'request_id': 'recharge_id',
        'event': 'kind', 'is_request': "kind = 'RECHARGE'", 'msisdn': 'msisdn', 'requested_at': 'recharged_at',
        'channel': 'channel', 'hall_code': 'hall_code', 'staff_id': 'staff_id', 'reverses_id': 'reverses_id',
        'price_fen': 'face_fen', 'paid_fen': 'paid_fen',
    },
    'device_order': {
        'benefit': 'devices', 'rows': 'stg_device_order__events', 'event_id': 'event_id', 'request_id': 'order_id',
        'event': 'event', 'is_request': "event = 'PAID'", 'requested_at': 'event_at',
        'channel': 'channel', 'hall_code': 'hall_code', 'staff_id': 'staff_id', 'item_code': 'sku',
        'price_fen': 'list_price_fen', 'paid_fen': 'paid_price_fen',
    },
    'family_request': {
        'benefit': 'family_numbers', 'rows': 'stg_family_request__events', 'event': 'action',
        'channel': 'channel', 'staff_id': 'staff_id', 'family_msisdn': 'family_msisdn',
    },
    'card_claim': {
        'benefit': 'cards', 'rows': 'stg_card_claim__claims', 'request_id': 'claim_id',
        'event': "'CLAIM'", 'requested_at': 'claimed_at', 'item_code': 'platform',
    },
    'trial_application': {
        'benefit': 'trials', 'rows': 'stg_trial_application__applications', 'request_id': 'application_id',
        'event': "'APPLICATION'", 'requested_at': 'applied_at', 'item_code': 'trial_code',
    },
} %}

{% for feed, said in feeds.items() -%}
select
    '{{ feed }}' as feed,
    '{{ said.benefit }}' as benefit,
    {%- for column, unsaid in {
        'event_id': said.get('request_id', 'request_id'),
        'request_id': 'request_id',
        'content_hash': 'content_hash',
        'event': "'REQUEST'",
        'is_request': 'true',
        'subscriber_id': 'subscriber_id',
        'msisdn': 'null',
        'requested_at': 'requested_at',
        'channel': 'null',
        'hall_code': 'null',
        'staff_id': 'null',
        'item_code': 'null',
        'family_msisdn': 'null',
        'reverses_id': 'null',
        'price_fen': 'null',
        'paid_fen': 'null',
    }.items() %}
    {{ said.get(column, unsaid) }}{{ ' as ' ~ column if said.get(column, unsaid) != column }},
    {%- endfor %}
    delivery_no,
    line_no as source_line
from {{ ref(said.rows) }}
{{ 'union all' if not loop.last }}
{% endfor %}
