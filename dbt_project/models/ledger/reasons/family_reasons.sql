-- Rules 5: each request for a family number, and each link that ended of itself. A number may be taken out at any time.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.effective_at::date as event_on,
    'FAMILY' as subject,
    coalesce(decided.request_id, decided.link_key) as subject_id,
    rules.step_no,
    rules.rule,
    case rules.rule when 'EXCLUSIVE' then '1.9' else '5' end as rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when decided.action = 'END' then 'ENDED'
        when rules.failed_at is null then decided.reason
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then decided.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('family_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
cross join lateral (
    select
        places.*,
        min(case when places.rule = decided.reason then places.step_no end) over () as failed_at
    from (
        select
            row_number() over (order by listed.place)::integer as step_no,
            listed.rule,
            listed.input
        from (
            values
            (
                1, 'CONFLICT', array['ADD', 'REMOVE'],
                concat('rows of ', decided.request_id, ' with other content')
            ),
            (
                2, 'WINDOW', array['ADD'],
                concat('asked ', decided.effective_at, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
            ),
            (
                3, 'NOT_ELIGIBLE', array['ADD'],
                coalesce(nullif(array_to_string(decided.ineligibility_reasons, ', '), ''), 'qualifies')
            ),
            (4, 'NOT_LINKED', array['REMOVE'], concat('number ', decided.family_msisdn)),
            (
                5, 'EXCLUSIVE', array['ADD'],
                concat(
                    'approved by ',
                    coalesce(
                        (
                            select string_agg(others.campaign_id, ', ' order by others.campaign_id)
                            from {{ ref('family_decisions') }} as others
                            where
                                others.subscriber_id = decided.subscriber_id
                                and others.request_id = decided.request_id
                                and others.campaign_id <> decided.campaign_id
                                and others.reason = 'APPROVED'
                                and (others.run_on, others.pass_no) <= (decided.run_on, decided.pass_no)
                        ),
                        'no other campaign'
                    )
                )
            ),
            (6, 'QUOTA', array['ADD'], concat(decided.family_limit, ' numbers allowed')),
            (
                7, 'SELF', array['ADD'],
                concat('number ', decided.family_msisdn, ' of ', coalesce(decided.family_subscriber_id, 'nobody known'))
            ),
            (8, 'DUPLICATE', array['ADD'], concat('number ', decided.family_msisdn, ' in his own list')),
            (
                9, 'NOT_OURS', array['ADD'],
                concat('number ', decided.family_msisdn, ' of ', coalesce(decided.family_subscriber_id, 'nobody known'))
            ),
            (
                10, 'TAKEN', array['ADD'],
                concat('exclusive ', versions.terms -> 'family_numbers' ->> 'exclusive', ', in the lists of others')
            ),
            (
                11, 'DECISION', array['ADD', 'REMOVE', 'END'],
                concat(lower(decided.action), ' number ', decided.family_msisdn, ' by ' || decided.channel)
            )
        ) as listed (place, rule, actions, input)
        where decided.action = any(listed.actions)
    ) as places
) as rules
