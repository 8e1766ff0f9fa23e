-- Who becomes a member, and who ceases to be one (rules, 7): from the day a subscriber first qualifies until he leaves
-- the carrier. To qualify no longer, or to be missing in a delivery, ends nothing, nor does the campaign's end. Looked
-- at are those of whom this run has learned something; everyone only when membership begins to be offered, or the terms
-- change.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

campaigns as materialized (
    select
        terms.campaign_id,
        terms.terms_version,
        terms.tenure_band_labels,
        terms.tenure_band_starts,
        terms.terms -> 'membership' is not null and run.next_date <= terms.ends_on as is_offered,
        terms.holds_from between run.previous_date + 2 and run.next_date
        or not exists (
            select from {{ this }} as before
            where before.campaign_id = terms.campaign_id and {{ is_standing('before') }}
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
    inner join run on statuses.run_on = run.business_date
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id and not campaigns.looks_at_everyone
),

statuses as (
    select distinct on (looked_at.campaign_id, looked_at.subscriber_id) looked_at.*
    from looked_at
    order by looked_at.campaign_id asc, looked_at.subscriber_id asc, looked_at.judged_for desc, looked_at.pass_no desc
),

qualified as (
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
        select changes.action
        from {{ this }} as changes
        where
            changes.subscriber_id = statuses.subscriber_id
            and changes.campaign_id = statuses.campaign_id
            and {{ is_standing('changes') }}
        order by changes.effective_on desc, changes.run_on desc, changes.pass_no desc
        limit 1
    ) as before on true
    where statuses.is_eligible and coalesce(before.action, 'REMOVE') = 'REMOVE'
),

delivered as (
    select distinct history.subscriber_id
    from {{ ref('int_subscriber__history') }} as history
    inner join run on history.run_on = run.business_date
),

-- members, and those who were, of whom this run's deliveries say something new
moved as (
    select
        before.campaign_id,
        before.subscriber_id,
        before.action as action_before,
        before.member_since,
        before.grant_key,
        states.status,
        states.source_file,
        states.source_line,
        holdouts.customer_id is not null as is_control
    from delivered
    cross join run
    inner join lateral (
        select distinct on (changes.campaign_id) changes.*
        from {{ this }} as changes
        where changes.subscriber_id = delivered.subscriber_id and {{ is_standing('changes') }}
        order by changes.campaign_id asc, changes.effective_on desc, changes.run_on desc, changes.pass_no desc
    ) as before on true
    inner join lateral {{ function('state_as_of') }}(delivered.subscriber_id, run.business_date) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            before.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
),

changed as (
    select * from qualified

    union all

    select
        moved.campaign_id,
        moved.subscriber_id,
        'REMOVE' as action,
        case
            when moved.status = 'C' then 'CLOSED'
            when moved.status = 'P' then 'PORTED_OUT'
            else 'HOLDOUT'
        end as reason,
        moved.member_since,
        moved.grant_key as changes_key,
        moved.source_file,
        moved.source_line
    from moved
    where
        moved.action_before = 'ADD'
        and (moved.status in ('C', 'P') or moved.is_control)
),

final as (
    select
        {{ content_key([
            'changed.campaign_id', "'MEMBERSHIP'", 'changed.subscriber_id', 'changed.action', 'run.next_date',
            'changed.source_file',
        ]) }} as grant_key,
        changed.campaign_id,
        changed.subscriber_id,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'campaigns.tenure_band_starts', 'campaigns.tenure_band_labels'
        ) }} as tenure_band,
        changed.action,
        changed.reason,
        run.next_date as effective_on,
        changed.member_since,
        changed.changes_key,
        campaigns.terms_version,
        changed.source_file,
        changed.source_line,
        run.business_date as run_on,
        run.pass_no
    from changed
    cross join run
    inner join campaigns on changed.campaign_id = campaigns.campaign_id
    left join lateral {{ function('last_listing_as_of') }}(changed.subscriber_id, run.business_date) as states on true
)

select * from final
