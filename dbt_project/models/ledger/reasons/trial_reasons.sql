-- Rules 7: each application for a trial.
select
    decided.*, -- noqa: AM04
    decided.applied_on as event_on,
    'TRIAL' as subject,
    decided.application_id as subject_id,
    'trial_application' as feed,
    'trials' as benefit,
    case decided.reason when 'GRANTED' then 'GRANTED' else 'REFUSED' end as outcome,
    array[
        array['CONFLICT', '7', null],
        array['WINDOW', '7', concat('applied ', decided.applied_at)],
        array['LATE', '7', null],
        array['UNKNOWN_TRIAL', '7', concat('trial ', decided.trial_code)],
        array['NOT_OPEN', '7', concat('opens on ', offers.opens_on)],
        array[
            'TOO_EARLY', '7', concat(
                case when decided.is_member then 'a member' else 'no member' end, ', others from ',
                offers.opens_on + (versions.terms -> 'trials' ->> 'member_lead_days')::integer
            )
        ],
        array[
            'NOT_ELIGIBLE', '7', concat(
                coalesce(decided.not_eligible_reason, 'nothing in the way'), ' (of members only status and control '
                'group are asked, of others all but years)'
            )
        ],
        array['OTHER_CAMPAIGN', '7', null],
        array['DUPLICATE', '7', concat('trial ', decided.trial_code, ' granted to him before')],
        array['FULL', '7', concat(offers.places, ' places')],
        array['CAP', '10', 'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B4'],
        array[
            'DECISION', '7',
            concat('trial ', decided.trial_code, ', cost ' || {{ yuan('decided.cost_fen') }} || ' yuan')
        ]
    ] as rules
from {{ ref('trial_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join lateral (
    select
        listed.offer ->> 'places' as places,
        greatest((listed.offer ->> 'opens_on')::date, campaigns.starts_on) as opens_on
    from jsonb_array_elements(versions.terms -> 'trials' -> 'offers') as listed (offer)
    where listed.offer ->> 'code' = decided.trial_code
) as offers on true
