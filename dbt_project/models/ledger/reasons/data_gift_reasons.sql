-- Rules 3: the monthly gift, for each month that counts from the first qualifying one and has begun.
with qualified as (
    select distinct on (statuses.campaign_id, statuses.subscriber_id)
        statuses.campaign_id,
        statuses.subscriber_id,
        statuses.first_qualified_for,
        campaigns.starts_on,
        campaigns.ends_on,
        case
            when
                statuses.first_qualified_for = campaigns.starts_on
                or extract(day from statuses.first_qualified_for) = 1
                then date_trunc('month', statuses.first_qualified_for)
            else date_trunc('month', statuses.first_qualified_for) + interval '1 month'
        end as first_month
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join {{ ref('int_campaign__campaigns') }} as campaigns on statuses.campaign_id = campaigns.campaign_id
    where statuses.first_qualified_for is not null
    order by statuses.campaign_id asc, statuses.subscriber_id asc, statuses.judged_for asc, statuses.pass_no asc
),

months as (
    select
        qualified.*,
        numbers.month::date as month,
        greatest(numbers.month::date, qualified.starts_on) as valid_from,
        row_number() over (
            partition by qualified.campaign_id, qualified.subscriber_id order by numbers.month
        ) as month_no
    from qualified
    cross join {{ ref('stg_run__current') }} as run
    cross join lateral generate_series(
        qualified.first_month, least(qualified.ends_on, run.next_date)::timestamp, interval '1 month'
    ) as numbers (month)
)

select
    months.campaign_id,
    months.subscriber_id,
    months.valid_from as event_on,
    'DATA_GIFT' as subject,
    to_char(months.month, 'YYYY-MM') as subject_id,
    rules.step_no,
    rules.rule,
    rules.rule_no,
    rules.input,
    case
        when rules.rule <> 'DECISION' then {{ rule_outcome('rules') }}
        when rules.failed_at is null then 'GRANTED'
        when waits.withdrawn_on is not null then 'WITHDRAWN'
        when waits.grant_key is not null then 'WAITING'
        when gifts.grant_key is null then 'LOST'
        else 'REFUSED'
    end as outcome,
    case when rules.rule = 'DECISION' then coalesce(rules.failed_rule, 'GRANTED') end as reason,
    coalesce(gifts.terms_version, versions.terms_version) as terms_version,
    coalesce(gifts.source_file, judged.source_file) as source_file,
    coalesce(gifts.source_line, judged.source_line) as source_line,
    months.valid_from - 1 as run_on,
    gifts.pass_no
from months
inner join {{ ref('stg_campaign__versions') }} as versions
    on
        months.campaign_id = versions.campaign_id
        and months.valid_from >= versions.holds_from and months.valid_from < versions.holds_until
left join {{ ref('data_gift_decisions') }} as gifts
    on
        gifts.grant_key
        = {{ content_key(['months.campaign_id', "'DATA_GIFT'", 'months.subscriber_id', 'months.month']) }}
left join {{ ref('waiting_list') }} as waits on gifts.grant_key = waits.grant_key
left join lateral (
    select statuses.*
    from {{ ref('int_eligibility__statuses') }} as statuses
    where
        statuses.campaign_id = months.campaign_id
        and statuses.subscriber_id = months.subscriber_id
        and statuses.judged_for <= months.valid_from
    order by statuses.judged_for desc, statuses.pass_no desc
    limit 1
) as judged on true
cross join
    lateral (
        select
            listed.step_no,
            listed.rule,
            listed.rule_no,
            listed.input,
            min(case when listed.fails then listed.step_no end) over () as failed_at,
            case
                when bool_or(listed.fails) over ()
                    then first_value(listed.rule) over (order by listed.fails desc, listed.step_no asc)
            end as failed_rule
        from (
            values
            (
                1, 'NOT_ELIGIBLE', '3', coalesce(not judged.is_eligible, true) and gifts.grant_key is null,
                concat('as ', months.valid_from, ' began: ', judged.reason, ', judged for ', judged.judged_for)
            ),
            (
                2, 'EXCLUSIVE', '1.9', coalesce(gifts.reason = 'EXCLUSIVE', false),
                'whether a campaign that goes before this one gives'
            ),
            (
                3, 'CAP', '10', waits.grant_key is not null and waits.freed_on is null,
                concat(
                    'asks ' || {{ yuan('gifts.cost_fen') }} || ' yuan of B1',
                    ', waits since ' || waits.waits_since,
                    ', given on ' || waits.freed_on, ', withdrawn on ' || waits.withdrawn_on
                )
            ),
            (
                4, 'DECISION', '3', false,
                concat(
                    'month ', months.month_no, ' of ', versions.terms -> 'data_gift' ->> 'months',
                    ', first qualified for ', months.first_qualified_for, ', ' || gifts.megabytes || ' MB'
                )
            )
        ) as listed (step_no, rule, rule_no, fails, input)
    ) as rules
-- a campaign that gives none says no number of months
where months.month_no <= (versions.terms -> 'data_gift' ->> 'months')::integer
