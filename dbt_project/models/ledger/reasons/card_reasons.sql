-- Rules 7: each decision of a claim for a card; one that waited for a code has two. No code is here.
select
    decided.*, -- noqa: AM04
    decided.claimed_on as event_on,
    'CARD' as subject,
    decided.claim_id as subject_id,
    'card_claim' as feed,
    'cards' as benefit,
    case when decided.reason in ('GRANTED', 'WAITING', 'WITHDRAWN') then decided.reason else 'REFUSED' end as outcome,
    array[
        array['CONFLICT', '7', null],
        array['WINDOW', '7', concat('claimed ', decided.claimed_at)],
        array['LATE', '7', null],
        array['PLATFORM', '7', concat('platform ', decided.platform)],
        array['NOT_MEMBER', '7', concat('member on ', decided.claimed_on)],
        array['NOT_ACTIVE', '7', concat('status on ', decided.claimed_on, ', A needed')],
        array['OTHER_CAMPAIGN', '7', null],
        array[
            'LIMIT', '7', concat(
                'in ', to_char(decided.claimed_month, 'YYYY-MM'), ': ', versions.terms -> 'cards' ->> 'limit_per_month',
                ' allowed'
            )
        ],
        array['LAPSED', '7', concat('member still, as the run closing ', decided.business_date, ' looked')],
        array[
            'WITHDRAWN', '7',
            concat('delivery of the claim still counts, as the run closing ', decided.business_date, ' looked')
        ],
        array['WAITING', '7', concat('stock of ', decided.platform)],
        array['CAP', '10', 'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B4'],
        array[
            'DECISION', '7', concat(
                'code of ' || decided.platform || ' that expires on ' || decided.expires_on,
                ', cost ' || {{ yuan('decided.cost_fen') }} || ' yuan'
            )
        ]
    ] as rules
from {{ ref('card_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
