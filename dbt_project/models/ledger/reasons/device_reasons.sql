-- Rules 6: each decision of an order. One refused for LIMIT that later got a slot has two decisions.
select
    decided.*, -- noqa: AM04
    decided.ordered_on as event_on,
    'DEVICE' as subject,
    decided.order_id as subject_id,
    'device_order' as feed,
    'devices' as benefit,
    case decided.reason when 'GRANTED' then 'GRANTED' else 'REFUSED' end as outcome,
    array[
        array['CONFLICT', '6', null],
        array['WINDOW', '6', concat('ordered ', decided.ordered_at)],
        array['LATE', '6', null],
        array[
            'NO_PRICE', '6', concat('paid ', coalesce({{ yuan('decided.paid_price_fen') }} || ' yuan', 'missing'))
        ],
        array[
            'NOT_LISTED', '6', concat(
                'sku ', decided.sku, ', list price ', coalesce({{ yuan('decided.list_price_fen') }}, 'unknown'),
                coalesce(', pays ' || {{ yuan('decided.rate_bp') }} || ' %', ', on no list of that day')
            )
        ],
        array['CHANNEL', '6', concat_ws(' ', decided.channel, decided.hall_code)],
        array['NOT_ELIGIBLE', '6', array_to_string(decided.ineligibility_reasons, ', ')],
        array[
            'RETURNED', '6',
            coalesce('returned, seen on ' || given_back.seen_on, 'no return seen by ' || decided.business_date)
        ],
        array['EXCLUSIVE', '1.9', 'granted by '],
        array['LIMIT', '6', concat(decided.device_limit, ' device allowed')],
        array['CAP', '10', 'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B3'],
        array[
            'DECISION', '6', concat(
                'entitled to ', {{ yuan('decided.entitled_fen') }}, ' yuan off, ', {{ yuan('decided.applied_fen') }},
                ' applied: ', decided.price_check
            )
        ]
    ] as rules
from {{ ref('device_decisions') }} as decided
left join {{ ref('int_device_order__returns') }} as given_back
    on decided.order_id = given_back.order_id and decided.business_date >= given_back.seen_on
