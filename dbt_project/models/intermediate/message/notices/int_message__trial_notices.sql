-- Notices about trials: members are invited when a trial opens for them (D9).
{% set words = {
    'trial': 'due.trial_name',
    'link': 'due.link',
    'opens_on': "to_char(due.opens_on, 'FMMM月FMDD日')",
} %}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- only on the days before trials open: on other days nothing below is read
due as materialized (
    select
        terms.campaign_id,
        terms.ends_on,
        offers.offer ->> 'code' as trial_code,
        offers.offer ->> 'name' as trial_name,
        offers.offer ->> 'link' as link,
        greatest((offers.offer ->> 'opens_on')::date, terms.starts_on) as opens_on
    from run
    cross join lateral {{ function('terms_on') }}(run.next_date) as terms
    cross join lateral jsonb_array_elements(terms.terms -> 'trials' -> 'offers') as offers (offer)
    where
        greatest((offers.offer ->> 'opens_on')::date, terms.starts_on) between run.previous_date + 2 and run.next_date
        and run.next_date <= terms.ends_on
),

members as (
    select distinct on (changes.campaign_id, changes.subscriber_id)
        changes.campaign_id,
        changes.subscriber_id,
        changes.action
    from {{ ref('membership_changes') }} as changes
    cross join run
    where changes.effective_on <= run.next_date and exists (select from due)
    order by
        changes.campaign_id asc,
        changes.subscriber_id asc,
        changes.effective_on desc,
        changes.business_date desc,
        changes.attempt_no desc
)

select
    due.campaign_id,
    templates.template_code,
    members.subscriber_id,
    null::text as grant_key,
    {{ key_text(['due.trial_code']) }} as period,
    run.business_date as addressed_on,
    due.ends_on as useful_until,
    {{ filled_in('templates.template_title', words) }} as message_title,
    {{ filled_in('templates.template_text', words) }} as message_text,
    null::text as secret_reference,
    null::integer as secret_length,
    null::integer as secret_at
from due
cross join run
inner join members on due.campaign_id = members.campaign_id and members.action = 'ADD'
inner join {{ ref('int_message__templates') }} as templates
    on due.campaign_id = templates.campaign_id and templates.template_event = 'trial_invitation'
