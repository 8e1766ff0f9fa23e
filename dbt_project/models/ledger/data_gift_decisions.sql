-- The monthly data gift (rules, 3): who is eligible when a campaign month begins, within the months that count from the
-- first qualifying one. A month in which the subscriber does not qualify is lost and counts. If two campaigns exclude
-- each other the one of higher priority gives, and the other says why it does not.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['business_date'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- a month is decided in the run that closes the day before its first, or before the campaign's first day
months as materialized (
    select
        terms.*,
        run.next_date as given_from,
        {{ half_up('terms.gift_megabytes * terms.gift_unit_price_fen_per_gb', '1024') }} as cost_fen,
        date_trunc('month', run.next_date)::date as month,
        (date_trunc('month', run.next_date) + interval '1 month - 1 day')::date as given_to
    from run
    cross join lateral {{ function('terms_on') }}(run.next_date) as terms
    where
        run.next_date between terms.starts_on and terms.ends_on
        and (extract(day from run.next_date) = 1 or run.next_date = terms.starts_on)
        and terms.gift_months is not null
),

eligible as (
    select distinct on (statuses.campaign_id, statuses.subscriber_id) statuses.*
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join months on statuses.campaign_id = months.campaign_id and statuses.judged_for <= months.given_from
    order by statuses.campaign_id asc, statuses.subscriber_id asc, statuses.judged_for desc, statuses.attempt_no desc
),

counted as (
    select
        eligible.campaign_id,
        eligible.subscriber_id,
        case
            when
                eligible.first_qualified_for = months.starts_on
                or extract(day from eligible.first_qualified_for) = 1
                then date_trunc('month', eligible.first_qualified_for)::date
            else (date_trunc('month', eligible.first_qualified_for) + interval '1 month')::date
        end as first_month
    from eligible
    inner join months on eligible.campaign_id = months.campaign_id
    where eligible.is_eligible
),

states as (
    select * from {{ ref('int_subscriber__current') }}
    where exists (select from months)
),

gifts as (
    select
        months.campaign_id,
        counted.subscriber_id,
        states.msisdn,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'months.tenure_band_starts', 'months.tenure_band_labels'
        ) }} as tenure_band,
        {{ content_key(['months.campaign_id', "'DATA_GIFT'", 'counted.subscriber_id', 'months.month']) }} as grant_key,
        months.month,
        months.given_from as valid_from,
        months.given_to as valid_to,
        months.gift_product_code as product_code,
        months.gift_megabytes as megabytes,
        months.cost_fen,
        months.terms_version,
        states.source_file,
        states.source_line
    from counted
    inner join months on counted.campaign_id = months.campaign_id
    inner join states on counted.subscriber_id = states.subscriber_id
    where
        counted.first_month <= months.month
        and counted.first_month + make_interval(months => months.gift_months) > months.month
        -- `not in` is looked up in a hash whatever the planner expects; it expects one row here, and a province comes
        and (counted.campaign_id, counted.subscriber_id) not in (
            select
                before.campaign_id,
                before.subscriber_id
            from {{ this }} as before
            inner join months as this_month
                on before.campaign_id = this_month.campaign_id and before.month = this_month.month
            cross join run
            where {{ is_current('before') }}
        )
),

-- campaigns that give way to another one in this month's gift
exclusions as materialized (
    select exclusions.*
    from {{ ref('int_campaign__exclusions') }} as exclusions
    inner join months
        on
            exclusions.campaign_id = months.campaign_id
            and exclusions.valid_from <= months.given_from and exclusions.valid_until > months.given_from
    where exclusions.benefit = 'data_gift'
),

given as (
    select
        campaign_id,
        subscriber_id,
        month
    from gifts
    union all

    select
        others.campaign_id,
        others.subscriber_id,
        others.month
    from {{ this }} as others
    cross join run
    where others.reason = 'GRANTED' and {{ is_current('others') }}
)

select
    gifts.*,
    case
        when
            gifts.campaign_id in (select exclusions.campaign_id from exclusions)
            and exists (
                select from exclusions
                inner join given on exclusions.gives_way_to = given.campaign_id
                where
                    exclusions.campaign_id = gifts.campaign_id
                    and given.subscriber_id = gifts.subscriber_id
                    and given.month = gifts.month
            )
            then 'EXCLUSIVE'
        else 'GRANTED'
    end as reason
from gifts
