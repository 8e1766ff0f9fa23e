-- Rules 3: the monthly gift, for each month that counts from the first qualifying one and has begun.
with qualified as (
    select distinct on (campaign_id, subscriber_id)
        campaign_id,
        subscriber_id,
        first_qualified_for
    from {{ ref('int_eligibility__statuses') }}
    where first_qualified_for is not null
    order by campaign_id asc, subscriber_id asc, judged_for asc, attempt_no asc
),

-- the first is the month of that day, if the day is the campaign's first or the month's, else the next one
months as (
    select
        qualified.*,
        numbers.month::date as month,
        numbers.month_no,
        greatest(numbers.month::date, campaigns.starts_on) as valid_from
    from qualified
    inner join {{ ref('int_campaign__campaigns') }} as campaigns on qualified.campaign_id = campaigns.campaign_id
    cross join {{ ref('stg_run__current') }} as run
    cross join lateral generate_series(
        date_trunc('month', case
            when qualified.first_qualified_for = campaigns.starts_on then qualified.first_qualified_for::timestamp
            else qualified.first_qualified_for + interval '1 month - 1 day'
        end),
        least(campaigns.ends_on, run.next_date)::timestamp,
        interval '1 month'
    ) with ordinality as numbers (month, month_no)
)

select
    months.campaign_id,
    months.subscriber_id,
    months.valid_from as event_on,
    'DATA_GIFT' as subject,
    to_char(months.month, 'YYYY-MM') as subject_id,
    null as feed,
    null as benefit,
    array[
        array[
            'NOT_ELIGIBLE', '3',
            concat('as ', months.valid_from, ' began: ', judged.reason, ', judged for ', judged.judged_for)
        ],
        array['EXCLUSIVE', '1.9', 'whether a campaign that goes before this one gives'],
        array['CAP', '10', 'asks ' || {{ yuan('gifts.cost_fen') }} || ' yuan of B1'],
        array[
            'DECISION', '3', concat(
                'month ', months.month_no, ' of ', versions.terms -> 'data_gift' ->> 'months',
                ', first qualified for ', months.first_qualified_for, ', ' || gifts.megabytes || ' MB'
            )
        ]
    ] as rules,
    case asked.reason when 'GRANTED' then 'GRANTED' when 'NOT_ELIGIBLE' then 'LOST' else 'REFUSED' end as outcome,
    asked.reason,
    gifts.grant_key,
    coalesce(gifts.terms_version, versions.terms_version) as terms_version,
    coalesce(gifts.source_file, judged.source_file) as source_file,
    coalesce(gifts.source_line, judged.source_line) as source_line,
    months.valid_from - 1 as business_date,
    gifts.attempt_no
from months
inner join {{ ref('stg_campaign__versions') }} as versions
    on
        months.campaign_id = versions.campaign_id
        and months.valid_from >= versions.valid_from and months.valid_from < versions.valid_until
-- looked up month by month: the planner cannot know how few there are
left join lateral (
    select granted.*
    from {{ ref('data_gift_decisions') }} as granted
    where
        granted.grant_key
        = {{ content_key(['months.campaign_id', "'DATA_GIFT'", 'months.subscriber_id', 'months.month']) }}
    order by granted.grant_key
    limit 1
) as gifts on true
left join lateral (
    select statuses.*
    from {{ ref('int_eligibility__statuses') }} as statuses
    where
        statuses.campaign_id = months.campaign_id
        and statuses.subscriber_id = months.subscriber_id
        and statuses.judged_for <= months.valid_from
    order by statuses.judged_for desc, statuses.attempt_no desc
    limit 1
) as judged on true
cross join
    lateral (
        values (
            case
                when gifts.grant_key is null and judged.is_eligible is not true then 'NOT_ELIGIBLE'
                else coalesce(gifts.reason, 'GRANTED')
            end
        )
    ) as asked (reason)
-- a campaign without gifts gives no number of months
where months.month_no <= (versions.terms -> 'data_gift' ->> 'months')::integer
