-- Rules 7: each decision of a claim for a card; one that waited for a code has two. No code stands here.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.claimed_on as event_on,
    'CARD' as subject,
    decided.claim_id as subject_id,
    rules.step_no,
    rules.rule,
    case rules.rule when 'CAP' then '10' else '7' end as rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when rules.failed_at is null then 'GRANTED'
        when waits.withdrawn_on is not null or asked.reason = 'WITHDRAWN' then 'WITHDRAWN'
        when asked.reason in ('WAITING', 'CAP') then 'WAITING'
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then asked.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('card_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join {{ ref('waiting_list') }} as waits on decided.grant_key = waits.grant_key and decided.reason = 'GRANTED'
cross join
    lateral (
        values (case when waits.grant_key is not null and waits.freed_on is null then 'CAP' else decided.reason end)
    ) as asked (reason)
cross join lateral (
    select
        listed.*,
        min(case when listed.rule = asked.reason then listed.step_no end) over () as failed_at
    from (
        values
        (1, 'CONFLICT', concat('rows of ', decided.claim_id, ' with other content')),
        (
            2, 'WINDOW',
            concat('claimed ', decided.claimed_at, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
        ),
        (
            3, 'LATE',
            concat(
                'in ', decided.source_file, ', honoured until ',
                campaigns.ends_on + (versions.terms -> 'cards' ->> 'late_days')::integer
            )
        ),
        (4, 'PLATFORM', concat('platform ', decided.platform)),
        (5, 'NOT_MEMBER', concat('member on ', decided.claimed_on)),
        (6, 'NOT_ACTIVE', concat('status on ', decided.claimed_on, ', A needed')),
        (7, 'OTHER_CAMPAIGN', 'whether a campaign of higher priority gives'),
        (
            8, 'LIMIT',
            concat(
                'in ', to_char(decided.claimed_month, 'YYYY-MM'), ': ', versions.terms -> 'cards' ->> 'limit_per_month',
                ' allowed'
            )
        ),
        (9, 'LAPSED', concat('member still, as the run closing ', decided.run_on, ' looked')),
        (10, 'WITHDRAWN', concat('delivery of the claim still counts, as the run closing ', decided.run_on, ' looked')),
        (11, 'WAITING', concat('stock of ', decided.platform)),
        (
            12, 'CAP',
            concat(
                'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B4',
                ', waits since ' || waits.waits_since,
                ', given on ' || waits.freed_on, ', withdrawn on ' || waits.withdrawn_on
            )
        ),
        (
            13, 'DECISION',
            concat(
                'code of ' || decided.platform || ' that expires on ' || decided.expires_on,
                ', cost ' || {{ yuan('decided.cost_fen') }} || ' yuan'
            )
        )
    ) as listed (step_no, rule, input)
) as rules
