-- Rules 4: each decision of a recharge, in the order of its reasons. One refused for LIMIT that later got a slot has
-- two decisions.
select
    decided.*, -- noqa: AM04
    decided.recharged_on as event_on,
    'RECHARGE' as subject,
    decided.recharge_id as subject_id,
    'recharge' as feed,
    'recharge' as benefit,
    case decided.reason when 'GRANTED' then 'GRANTED' else 'REFUSED' end as outcome,
    array[
        array['CONFLICT', '4.10', null],
        array['WINDOW', '4.3', concat('recharged ', decided.recharged_at)],
        array['LATE', '4.9', null],
        array[
            'TIER', '4.1', concat(
                'face ', {{ yuan('decided.face_fen') }}, ' yuan, ',
                coalesce('tier ' || {{ yuan('decided.tier_face_fen') }}, 'no tier fits'), ' (',
                versions.terms -> 'recharge' ->> 'match', ')'
            )
        ],
        array['CHANNEL', '4.2', concat_ws(' ', decided.channel, decided.hall_code)],
        array['NOT_ELIGIBLE', '4.3', array_to_string(decided.ineligibility_reasons, ', ')],
        array[
            'REVERSED', '4.8', coalesce(
                'reversed by ' || reversals.reversal_id || ', seen on ' || reversals.seen_on,
                'no reversal seen by ' || decided.business_date
            )
        ],
        array['EXCLUSIVE', '1.9', 'granted by '],
        array[
            'LIMIT', '4.4', concat(
                'in ', to_char(decided.recharged_month, 'YYYY-MM'), ', tier ', {{ yuan('decided.tier_face_fen') }},
                ': ', decided.limit_per_tier_month, ' allowed',
                ', ' || decided.customer_limit_per_month || ' of the customer',
                ', ', coalesce('taken by ' || taken.recharges, 'none taken')
            )
        ],
        array[
            'CAP', '10',
            concat('asks ', {{ yuan('decided.discount_fen + coalesce(decided.bonus_fen, 0)') }}, ' yuan of B2')
        ],
        array[
            'DECISION', '4.5', concat(
                'entitled to ', {{ yuan('decided.entitled_fen') }}, ' yuan, ', {{ yuan('decided.applied_fen') }},
                ' applied: ', decided.discount_check,
                case
                    when decided.reason = 'GRANTED' and decided.bonus_fen > 0
                        then concat(', bonus ', {{ yuan('decided.bonus_fen') }}, ' in ', decided.instalments)
                end
            )
        ]
    ] as rules
from {{ ref('recharge_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_recharge__reversals') }} as reversals
    on decided.recharge_id = reversals.recharge_id and decided.business_date >= reversals.seen_on
left join lateral (
    select string_agg(others.recharge_id, ', ' order by others.recharged_at, others.recharge_id) as recharges
    from {{ ref('recharge_decisions') }} as others
    where
        others.campaign_id = decided.campaign_id
        and others.subscriber_id = decided.subscriber_id
        and others.recharged_month = decided.recharged_month
        and others.tier_face_fen = decided.tier_face_fen
        and others.recharge_id <> decided.recharge_id
        and others.reason = 'GRANTED'
        and (others.business_date, others.attempt_no) <= (decided.business_date, decided.attempt_no)
        and not exists (
            select from {{ ref('int_request__undone') }} as undone
            where
                undone.request_id = others.recharge_id
                and undone.feed = 'recharge'
                and case
                    when undone.is_withdrawal
                        then
                            (others.business_date, others.attempt_no) < (undone.business_date, undone.attempt_no)
                            and (undone.business_date, undone.attempt_no) <= (decided.business_date, decided.attempt_no)
                    else undone.seen_on <= decided.business_date
                end
        )
) as taken on true
