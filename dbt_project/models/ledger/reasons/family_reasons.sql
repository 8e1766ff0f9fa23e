-- Rules 5: each request for a family number, and each link that ended without a request. A number may be removed at
-- any time.
select
    decided.*, -- noqa: AM04
    decided.effective_at::date as event_on,
    'FAMILY' as subject,
    coalesce(decided.request_id, decided.link_key) as subject_id,
    'family_request' as feed,
    'family_numbers' as benefit,
    case
        when decided.action = 'END' then 'ENDED'
        when decided.reason in ('APPROVED', 'REMOVED') then decided.reason
        else 'REFUSED'
    end as outcome,
    case decided.action
        when 'ADD'
            then array[
                array['CONFLICT', '5', null],
                array['WINDOW', '5', concat('asked ', decided.effective_at)],
                array['NOT_ELIGIBLE', '5', array_to_string(decided.ineligibility_reasons, ', ')],
                array['EXCLUSIVE', '1.9', 'approved by '],
                array['QUOTA', '5', concat(decided.family_limit, ' numbers allowed')],
                array['SELF', '5', asked.number_of_whom],
                array['DUPLICATE', '5', concat('number ', decided.family_msisdn, ' in his own list')],
                array['NOT_OURS', '5', asked.number_of_whom],
                array[
                    'TAKEN', '5', concat(
                        'exclusive ', versions.terms -> 'family_numbers' ->> 'exclusive', ', in the lists of others'
                    )
                ],
                array['DECISION', '5', asked.what]
            ]
        when 'REMOVE'
            then array[
                array['CONFLICT', '5', null],
                array['NOT_LINKED', '5', concat('number ', decided.family_msisdn)],
                array['DECISION', '5', asked.what]
            ]
        else array[array['DECISION', '5', asked.what]]
    end as rules
from {{ ref('family_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
cross join lateral (
    values (
        concat(lower(decided.action), ' number ', decided.family_msisdn, ' by ' || decided.channel),
        concat('number ', decided.family_msisdn, ' of ', coalesce(decided.family_subscriber_id, 'nobody known'))
    )
) as asked (what, number_of_whom)
