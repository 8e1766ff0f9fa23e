-- Rules 4: each decision of a recharge, in the order of its reasons. One refused for LIMIT that later got its place has
-- two decisions.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.recharged_on as event_on,
    'RECHARGE' as subject,
    decided.recharge_id as subject_id,
    rules.step_no,
    rules.rule,
    rules.rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when voids.request_id is not null then 'WITHDRAWN'
        when rules.failed_at is null then 'GRANTED'
        when waits.withdrawn_on is not null then 'WITHDRAWN'
        when decided.reason = 'GRANTED' then 'WAITING'
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then asked.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('recharge_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join {{ ref('int_recharge__reversals') }} as reversals
    on decided.recharge_id = reversals.recharge_id and decided.run_on >= reversals.seen_on
left join lateral (
    select found.*
    from {{ ref('int_request__voids') }} as found
    where
        found.request_id = decided.recharge_id
        and found.feed = 'recharge'
        and (decided.run_on, decided.pass_no) < (found.run_on, found.pass_no)
    order by found.run_on, found.pass_no
    limit 1
) as voids on true
left join {{ ref('waiting_list') }} as waits on decided.grant_key = waits.grant_key and decided.reason = 'GRANTED'
cross join
    lateral (
        values (
            case when waits.grant_key is not null and waits.freed_on is null then 'CAP' else decided.reason end,
            (
                select string_agg(others.recharge_id, ', ' order by others.recharged_at, others.recharge_id)
                from {{ ref('recharge_decisions') }} as others
                where
                    others.campaign_id = decided.campaign_id
                    and others.subscriber_id = decided.subscriber_id
                    and others.recharged_month = decided.recharged_month
                    and others.tier_face_fen = decided.tier_face_fen
                    and others.recharge_id <> decided.recharge_id
                    and others.reason = 'GRANTED'
                    and (others.run_on, others.pass_no) <= (decided.run_on, decided.pass_no)
                    and not exists (
                        select from {{ ref('int_request__voids') }} as gone
                        where
                            gone.request_id = others.recharge_id
                            and gone.feed = 'recharge'
                            and (others.run_on, others.pass_no) < (gone.run_on, gone.pass_no)
                            and (gone.run_on, gone.pass_no) <= (decided.run_on, decided.pass_no)
                    )
                    and not exists (
                        select from {{ ref('int_recharge__reversals') }} as given_back
                        where given_back.recharge_id = others.recharge_id and given_back.seen_on <= decided.run_on
                    )
            ),
            (
                select string_agg(others.campaign_id, ', ' order by others.campaign_id)
                from {{ ref('recharge_decisions') }} as others
                where
                    others.recharge_id = decided.recharge_id
                    and others.campaign_id <> decided.campaign_id
                    and others.reason = 'GRANTED'
                    and (others.run_on, others.pass_no) <= (decided.run_on, decided.pass_no)
            )
        )
    ) as asked (reason, places_taken_by, granted_by)
cross join lateral (
    select
        listed.*,
        min(case when listed.rule = asked.reason then listed.step_no end) over () as failed_at
    from (
        values
        (1, 'CONFLICT', '4.10', concat('rows of ', decided.recharge_id, ' with other content')),
        (
            2, 'WINDOW', '4.3',
            concat('recharged ', decided.recharged_at, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
        ),
        (
            3, 'LATE', '4.9',
            concat(
                'in ', decided.source_file, ', honoured until ',
                campaigns.ends_on + (versions.terms -> 'recharge' ->> 'late_days')::integer
            )
        ),
        (
            4, 'TIER', '4.1',
            concat(
                'face ', {{ yuan('decided.face_fen') }}, ' yuan, ',
                coalesce('tier ' || {{ yuan('decided.tier_face_fen') }}, 'no tier fits'), ' (',
                versions.terms -> 'recharge' ->> 'match', ')'
            )
        ),
        (5, 'CHANNEL', '4.2', concat_ws(' ', decided.channel, decided.hall_code)),
        (
            6, 'NOT_ELIGIBLE', '4.3',
            coalesce(nullif(array_to_string(decided.ineligibility_reasons, ', '), ''), 'qualifies')
        ),
        (
            7, 'REVERSED', '4.8',
            coalesce(
                'reversed by ' || reversals.reversal_id || ', seen on ' || reversals.seen_on,
                'no reversal seen by ' || decided.run_on
            )
        ),
        (8, 'EXCLUSIVE', '1.9', concat('granted by ', coalesce(asked.granted_by, 'no other campaign'))),
        (
            9, 'LIMIT', '4.4',
            concat(
                'in ', to_char(decided.recharged_month, 'YYYY-MM'), ', tier ', {{ yuan('decided.tier_face_fen') }},
                ': ', decided.limit_per_tier_month, ' allowed',
                ', ' || decided.customer_limit_per_month || ' of the customer',
                ', ', coalesce('taken by ' || asked.places_taken_by, 'none taken')
            )
        ),
        (
            10, 'CAP', '10',
            concat(
                'asks ', {{ yuan('decided.discount_fen + coalesce(decided.bonus_fen, 0)') }}, ' yuan of B2',
                ', waits since ' || waits.waits_since,
                ', given on ' || waits.freed_on, ', withdrawn on ' || waits.withdrawn_on
            )
        ),
        (
            11, 'DECISION', '4.5',
            concat(
                'entitled to ', {{ yuan('decided.entitled_fen') }}, ' yuan, ', {{ yuan('decided.applied_fen') }},
                ' applied: ', decided.discount_check,
                case
                    when decided.reason = 'GRANTED' and decided.bonus_fen > 0
                        then concat(', bonus ', {{ yuan('decided.bonus_fen') }}, ' in ', decided.instalments)
                end,
                ', holds no longer since ' || voids.run_on || ': ' || voids.source_file || ' line '
                || voids.source_line || ' ' || voids.because
            )
        )
    ) as listed (step_no, rule, rule_no, input)
) as rules
