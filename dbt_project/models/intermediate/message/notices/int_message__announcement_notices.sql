-- Notices about the campaign itself (W1): to everyone who will qualify when it begins, in the run before the day that
-- the template names. Who qualifies is judged here, since nobody else asks before the campaign's own days.
{% set words = {
    'starts_on': "to_char(due.starts_on, 'FMMM月FMDD日')",
    'ends_on': "to_char(due.ends_on, 'FMMM月FMDD日')",
} %}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- announced for the planned first day until that has come, then for the day of the launch
campaigns as (
    select
        campaigns.campaign_id,
        campaigns.ends_on,
        case
            when run.next_date < campaigns.planned_starts_on then campaigns.planned_starts_on else campaigns.starts_on
        end as starts_on
    from {{ ref('int_campaign__campaigns') }} as campaigns
    cross join run
),

announced as (
    select
        templates.campaign_id,
        templates.template_code,
        templates.template_title,
        templates.template_text,
        campaigns.starts_on,
        campaigns.ends_on,
        terms.founded_on,
        terms.segments,
        terms.main_card_only,
        terms.tenure_years,
        terms.port_in_years,
        terms.owner_years,
        greatest(run.next_date, campaigns.starts_on) as judged_for,
        case terms.tenure_judged_on
            when 'campaign_start' then campaigns.starts_on
            else greatest(run.next_date, campaigns.starts_on)
        end as counted_to
    from {{ ref('int_message__templates') }} as templates
    inner join campaigns on templates.campaign_id = campaigns.campaign_id
    inner join {{ ref('stg_campaign__terms') }} as terms
        on templates.campaign_id = terms.campaign_id and templates.terms_version = terms.terms_version
    cross join run
    where
        templates.template_event = 'announcement'
        and campaigns.starts_on - templates.days_before_start between run.previous_date + 2 and run.next_date
),

-- only in the runs before and at the start: on other days nothing below is read
due as materialized (
    select
        announced.*,
        {{ tenure_cutoff('announced.counted_to', 'announced.tenure_years') }} as tenure_cutoff,
        {{ tenure_cutoff('announced.counted_to', 'announced.port_in_years') }} as port_in_cutoff,
        {{ tenure_cutoff('announced.counted_to', 'announced.owner_years') }} as owner_cutoff
    from announced
),

states as (
    select * from {{ ref('int_subscriber__current') }}
    where exists (select from due)
)

select
    due.campaign_id,
    due.template_code,
    states.subscriber_id,
    null::text as grant_key,
    due.starts_on::text as period,
    run.business_date as addressed_on,
    due.ends_on as useful_until,
    {{ filled_in('due.template_title', words) }} as message_title,
    {{ filled_in('due.template_text', words) }} as message_text,
    null::text as secret_reference,
    null::integer as secret_length,
    null::integer as secret_at
from due
cross join run
cross join states
left join {{ ref('int_holdout__customers') }} as holdouts
    on
        due.campaign_id = holdouts.campaign_id
        and states.customer_id = holdouts.customer_id
        and holdouts.is_control
where {{ ineligibility_reasons('states', 'due', 'due.judged_for', 'holdouts.is_control') }} = array[]::text[]
