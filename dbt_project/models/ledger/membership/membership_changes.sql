-- Who becomes a member, and who stops being one (rules, 7): from the day a subscriber first qualifies until leaving the
-- carrier. No longer qualifying, missing in a delivery, or the campaign's end do not end it. A run judges those about
-- whom it has learned something; everyone only when membership is first offered, or the terms change.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

known as not materialized (
    select changes.*
    from {{ this }} as changes
    cross join run
    where {{ is_current('changes') }}
),

campaigns as materialized (
    select
        terms.*,
        terms.terms -> 'membership' is not null and run.next_date <= terms.ends_on as is_offered,
        terms.valid_from between run.previous_date + 2 and run.next_date
        or not exists (
            select from known
            where known.campaign_id = terms.campaign_id
        ) as looks_at_everyone
    from run
    cross join lateral {{ function('terms_on') }}(run.next_date) as terms
    where run.next_date >= terms.starts_on
),

-- two queries, so that an ordinary day finds its few rows by their date
looked_at as (
    select statuses.*
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id and campaigns.looks_at_everyone

    union all

    select statuses.*
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join run on statuses.business_date = run.business_date
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id and not campaigns.looks_at_everyone
),

statuses as (
    select distinct on (looked_at.campaign_id, looked_at.subscriber_id) looked_at.*
    from looked_at
    order by
        looked_at.campaign_id asc, looked_at.subscriber_id asc, looked_at.judged_for desc, looked_at.attempt_no desc
),

delivered as (
    select distinct history.subscriber_id
    from {{ ref('int_subscriber__history') }} as history
    inner join run on history.business_date = run.business_date
),

changed as (
    select
        statuses.campaign_id,
        statuses.subscriber_id,
        'ADD' as action,
        'QUALIFIED' as reason,
        run.next_date as member_since,
        null::text as changes_key,
        statuses.source_file,
        statuses.source_line
    from statuses
    cross join run
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id and campaigns.is_offered
    left join lateral (
        select known.action
        from known
        where known.subscriber_id = statuses.subscriber_id and known.campaign_id = statuses.campaign_id
        order by known.effective_on desc, known.business_date desc, known.attempt_no desc
        limit 1
    ) as before on true
    where statuses.is_eligible and coalesce(before.action, 'REMOVE') = 'REMOVE'

    union all

    -- members and former members about whom this run's deliveries say something new
    select
        before.campaign_id,
        before.subscriber_id,
        'REMOVE' as action,
        case states.status when 'C' then 'CLOSED' when 'P' then 'PORTED_OUT' else 'HOLDOUT' end as reason,
        before.member_since,
        before.grant_key as changes_key,
        states.source_file,
        states.source_line
    from delivered
    cross join run
    inner join lateral (
        select distinct on (known.campaign_id) known.*
        from known
        where known.subscriber_id = delivered.subscriber_id
        order by known.campaign_id asc, known.effective_on desc, known.business_date desc, known.attempt_no desc
    ) as before on true
    inner join lateral {{ function('state_as_of') }}(delivered.subscriber_id, run.business_date) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            before.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    where before.action = 'ADD' and (states.status in ('C', 'P') or holdouts.customer_id is not null)
),

final as (
    select
        {{ content_key([
            'changed.campaign_id', "'MEMBERSHIP'", 'changed.subscriber_id', 'changed.action', 'run.next_date',
            'changed.source_file',
        ]) }} as grant_key,
        changed.*,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'campaigns.tenure_band_starts', 'campaigns.tenure_band_labels'
        ) }} as tenure_band,
        run.next_date as effective_on,
        campaigns.terms_version
    from changed
    cross join run
    inner join campaigns on changed.campaign_id = campaigns.campaign_id
    left join lateral {{ function('last_listing_as_of') }}(changed.subscriber_id, run.business_date) as states on true
)

select * from final
