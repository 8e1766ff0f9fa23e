-- Requests for family numbers that this run received, one row a campaign and request: the terms and the subscriber's
-- state on its own day, whom the number meant, and what refuses it whatever stands in the lists (rules, 5).
-- A step of `family_decisions`: a view of the terms, whose table is made anew each day, would go with it.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

lives as materialized (
    select distinct on (voids.request_id) voids.*
    from {{ ref('int_family_request__voids') }} as voids
    order by voids.request_id asc, voids.run_on desc, voids.pass_no desc
),

-- this run's, and those of ids of which it has learned that what was decided does not hold
events as (
    select today.*
    from {{ ref('int_family_request__events') }} as today
    inner join run on today.run_on = run.business_date

    union all

    select earlier.*
    from {{ ref('int_family_request__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
    inner join {{ ref('int_family_request__events') }} as earlier
        on voids.request_id = earlier.request_id and run.business_date > earlier.run_on
),

requests as (
    select
        {{ content_key([
            'campaigns.campaign_id', "'FAMILY_REQUEST'", life('events.request_id', 'lives')
        ]) }} as decision_key,
        {{ life('events.request_id', 'lives') }} as life_id,
        campaigns.campaign_id,
        campaigns.starts_on,
        campaigns.ends_on,
        events.*
    from events
    left join lives on events.request_id = lives.request_id
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
),

arrived as (
    select distinct on (requests.campaign_id, requests.request_id) requests.*
    from requests
    order by
        requests.campaign_id, requests.request_id, requests.file_business_date, requests.source_file,
        requests.source_line
),

-- the terms of each campaign on each request's day; a campaign that offers no family numbers decides nothing
versions as (
    select
        held.*,
        days.requested_on,
        (held.terms -> 'family_numbers' ->> 'limit')::integer as family_limit,
        (held.terms -> 'family_numbers' ->> 'exclusive')::boolean as is_exclusive,
        case held.tenure_judged_on when 'campaign_start' then days.starts_on else days.requested_on end as counted_to
    from (
        select distinct
            campaign_id,
            starts_on,
            requested_on
        from arrived
    ) as days
    inner join {{ ref('stg_campaign__terms') }} as held
        on
            days.campaign_id = held.campaign_id
            and days.requested_on >= held.holds_from and days.requested_on < held.holds_until
    where held.terms -> 'family_numbers' is not null
),

terms as materialized (
    select
        versions.*,
        {{ tenure_cutoff('versions.counted_to', 'versions.tenure_years') }} as tenure_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.port_in_years') }} as port_in_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.owner_years') }} as owner_cutoff,
        {{ tenure_band_starts('versions.requested_on', 'versions.tenure_bands_years') }} as tenure_band_starts
    from versions
),

-- whom each number meant: the subscription that held it on the request's day
holders as materialized (
    select
        asked.family_msisdn,
        asked.requested_on,
        found.subscriber_id,
        found.status
    from (
        select distinct
            family_msisdn,
            requested_on
        from arrived
    ) as asked
    cross join lateral (
        select
            mentioned.subscriber_id,
            state.status
        from (
            select distinct holding.subscriber_id
            from {{ ref('int_subscriber__history') }} as holding
            where holding.msisdn = asked.family_msisdn
        ) as mentioned
        inner join lateral (
            select history.*
            from {{ ref('int_subscriber__history') }} as history
            where history.subscriber_id = mentioned.subscriber_id and history.state_on <= asked.requested_on
            order by history.state_on desc, history.revision desc
            limit 1
        ) as state on true
        where state.is_present and state.msisdn = asked.family_msisdn and state.status in ('A', 'S')
        order by state.status asc, state.status_date desc nulls last, mentioned.subscriber_id asc
        limit 1
    ) as found
),

final as (
    select
        arrived.decision_key,
        arrived.campaign_id,
        arrived.request_id,
        arrived.action,
        arrived.subscriber_id,
        arrived.requested_at,
        arrived.requested_on,
        arrived.family_msisdn,
        arrived.channel,
        arrived.staff_id,
        arrived.source_file,
        arrived.source_line,
        terms.terms_version,
        terms.family_limit,
        terms.is_exclusive,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'terms.tenure_band_starts', 'terms.tenure_band_labels'
        ) }} as tenure_band,
        holders.subscriber_id as family_subscriber_id,
        coalesce(holders.status = 'A', false) as is_ours,
        arrived.family_msisdn = states.msisdn
        or coalesce(holders.subscriber_id = arrived.subscriber_id, false) as is_self,
        {{ content_key([
            'arrived.campaign_id', "'FAMILY_NUMBER'", 'arrived.subscriber_id', 'arrived.life_id'
        ]) }} as link_key,
        reasons.ineligibility_reasons,
        -- a number may be taken out at any time, also by who no longer qualifies and after the campaign
        case
            when arrived.is_conflict then 'CONFLICT'
            when arrived.action = 'REMOVE' then null
            when
                arrived.requested_at < arrived.starts_on or arrived.requested_at >= arrived.ends_on + 1
                then 'WINDOW'
            when cardinality(reasons.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
        end as refusal
    from arrived
    inner join terms on arrived.campaign_id = terms.campaign_id and arrived.requested_on = terms.requested_on
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = arrived.subscriber_id and history.state_on <= arrived.requested_on
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join holders
        on arrived.family_msisdn = holders.family_msisdn and arrived.requested_on = holders.requested_on
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            arrived.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    cross join lateral (
        values ({{ ineligibility_reasons('states', 'terms', 'arrived.requested_on', 'holdouts.is_control') }})
    ) as reasons (ineligibility_reasons)
)

select * from final
