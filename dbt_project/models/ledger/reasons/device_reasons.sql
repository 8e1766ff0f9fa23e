-- Rules 6: each decision of an order. One refused for LIMIT that later got its place has two decisions.
select
    decided.campaign_id,
    decided.subscriber_id,
    decided.ordered_on as event_on,
    'DEVICE' as subject,
    decided.order_id as subject_id,
    rules.step_no,
    rules.rule,
    case rules.rule when 'CAP' then '10' when 'EXCLUSIVE' then '1.9' else '6' end as rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when voids.request_id is not null then 'WITHDRAWN'
        when rules.failed_at is null then 'GRANTED'
        when waits.withdrawn_on is not null then 'WITHDRAWN'
        when asked.reason = 'CAP' then 'WAITING'
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then asked.reason end as reason,
    decided.terms_version,
    decided.source_file,
    decided.source_line,
    decided.run_on,
    decided.pass_no
from {{ ref('device_decisions') }} as decided
left join {{ ref('stg_campaign__versions') }} as versions
    on decided.campaign_id = versions.campaign_id and decided.terms_version = versions.terms_version
left join {{ ref('int_campaign__campaigns') }} as campaigns on decided.campaign_id = campaigns.campaign_id
left join {{ ref('int_device_order__returns') }} as given_back
    on decided.order_id = given_back.order_id and decided.run_on >= given_back.seen_on
left join lateral (
    select found.*
    from {{ ref('int_request__voids') }} as found
    where
        found.request_id = decided.order_id
        and found.feed = 'device_order'
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
                select string_agg(others.campaign_id, ', ' order by others.campaign_id)
                from {{ ref('device_decisions') }} as others
                where
                    others.subscriber_id = decided.subscriber_id
                    and others.order_id = decided.order_id
                    and others.campaign_id <> decided.campaign_id
                    and others.reason = 'GRANTED'
                    and (others.run_on, others.pass_no) <= (decided.run_on, decided.pass_no)
            )
        )
    ) as asked (reason, granted_by)
cross join lateral (
    select
        listed.*,
        min(case when listed.rule = asked.reason then listed.step_no end) over () as failed_at
    from (
        values
        (1, 'CONFLICT', concat('rows of ', decided.order_id, ' with other content')),
        (
            2, 'WINDOW',
            concat('ordered ', decided.ordered_at, ', campaign ', campaigns.starts_on, ' to ', campaigns.ends_on)
        ),
        (
            3, 'LATE',
            concat(
                'in ', decided.source_file, ', honoured until ',
                campaigns.ends_on + (versions.terms -> 'devices' ->> 'late_days')::integer
            )
        ),
        (4, 'NO_PRICE', concat('paid ', coalesce({{ yuan('decided.paid_price_fen') }} || ' yuan', 'missing'))),
        (
            5, 'NOT_LISTED',
            concat(
                'sku ', decided.sku, ', list price ', coalesce({{ yuan('decided.list_price_fen') }}, 'unknown'),
                coalesce(', pays ' || {{ yuan('decided.rate_bp') }} || ' %', ', on no list of that day')
            )
        ),
        (6, 'CHANNEL', concat_ws(' ', decided.channel, decided.hall_code)),
        (
            7, 'NOT_ELIGIBLE',
            coalesce(nullif(array_to_string(decided.ineligibility_reasons, ', '), ''), 'qualifies')
        ),
        (
            8, 'RETURNED',
            coalesce('returned, seen on ' || given_back.seen_on, 'no return seen by ' || decided.run_on)
        ),
        (9, 'EXCLUSIVE', concat('granted by ', coalesce(asked.granted_by, 'no other campaign'))),
        (10, 'LIMIT', concat(decided.device_limit, ' device allowed')),
        (
            11, 'CAP',
            concat(
                'asks ' || {{ yuan('decided.cost_fen') }} || ' yuan of B3',
                ', waits since ' || waits.waits_since,
                ', given on ' || waits.freed_on, ', withdrawn on ' || waits.withdrawn_on
            )
        ),
        (
            12, 'DECISION',
            concat(
                'entitled to ', {{ yuan('decided.entitled_fen') }}, ' yuan off, ', {{ yuan('decided.applied_fen') }},
                ' applied: ', decided.price_check,
                ', holds no longer since ' || voids.run_on || ': ' || voids.source_file || ' line '
                || voids.source_line || ' ' || voids.because
            )
        )
    ) as listed (step_no, rule, input)
) as rules
