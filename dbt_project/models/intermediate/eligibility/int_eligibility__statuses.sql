-- Who qualifies when a date begins (state at the close of the day before, tenure counted to the date): a row only if
-- the answer, a reason or the city changed. Judged again are those whose state changed, those whose anniversary has
-- come, and everyone when the terms change or the campaign begins.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['next_change_on']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

campaigns as materialized (
    select
        terms.*,
        run.next_date as judged_for,
        terms.valid_from between run.previous_date + 2 and run.next_date
        or not exists (
            select from {{ this }} as judged
            where judged.campaign_id = terms.campaign_id and {{ is_current('judged') }}
        ) as judges_everyone
    from run
    cross join lateral {{ function('terms_on') }}(run.next_date) as terms
    where run.next_date between terms.starts_on and terms.ends_on
),

candidates as (
    select
        campaigns.campaign_id,
        history.subscriber_id
    from {{ ref('int_subscriber__history') }} as history
    cross join run
    inner join campaigns on campaigns.judges_everyone or history.business_date = run.business_date

    union

    select
        campaigns.campaign_id,
        judged.subscriber_id
    from {{ this }} as judged
    cross join run
    inner join campaigns
        on
            judged.campaign_id = campaigns.campaign_id
            and judged.next_change_on between run.previous_date + 2 and campaigns.judged_for
    where not campaigns.judges_everyone
),

states as (
    select distinct on (candidates.campaign_id, history.subscriber_id)
        candidates.campaign_id,
        history.*
    from candidates
    inner join {{ ref('int_subscriber__history') }} as history on candidates.subscriber_id = history.subscriber_id
    cross join run
    where history.state_on <= run.business_date
    order by candidates.campaign_id asc, history.subscriber_id asc, history.state_on desc, history.revision desc
),

judged as (
    select
        states.campaign_id,
        states.subscriber_id,
        campaigns.judged_for,
        states.customer_id,
        states.city_code,
        campaigns.terms_version,
        {{ ineligibility_reasons('states', 'campaigns', 'campaigns.judged_for', 'holdouts.is_control') }} as reasons,
        -- the next day on which time alone may change the answer
        case
            when states.is_present
                then least(
                    {{ if_after('states.activation_date', 'campaigns.judged_for') }},
                    {{ if_after(
                        '(states.activation_date + make_interval(years => campaigns.tenure_years))::date', 'campaigns.judged_for'
                    ) }},
                    {{ if_after(
                        '(states.port_in_date + make_interval(years => campaigns.port_in_years))::date', 'campaigns.judged_for'
                    ) }},
                    {{ if_after(
                        '(states.owner_since + make_interval(years => campaigns.owner_years))::date', 'campaigns.judged_for'
                    ) }}
                )
        end as next_change_on,
        states.source_file,
        states.source_line
    from states
    inner join campaigns on states.campaign_id = campaigns.campaign_id
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            states.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
)

select
    judged.*,
    cardinality(judged.reasons) = 0 as is_eligible,
    coalesce(judged.reasons[1], 'ELIGIBLE') as reason,
    coalesce(
        before.first_qualified_for, case when cardinality(judged.reasons) = 0 then judged.judged_for end
    ) as first_qualified_for
from judged
cross join run
left join lateral (
    select earlier.*
    from {{ this }} as earlier
    where
        earlier.subscriber_id = judged.subscriber_id
        and earlier.campaign_id = judged.campaign_id
        and {{ is_current('earlier') }}
    order by earlier.judged_for desc, earlier.attempt_no desc
    limit 1
) as before on true
where
    before.subscriber_id is null
    or before.reasons <> judged.reasons
    or before.city_code is distinct from judged.city_code
    or before.customer_id is distinct from judged.customer_id
    or before.next_change_on is distinct from judged.next_change_on
