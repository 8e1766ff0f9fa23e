-- Who is a member now, and since when: the service desk's list (D10). A view over released rows, so that a run that
-- waits at the gate does not change it.
{{ config(materialized='stable_view') }}

with last_changes as (
    select distinct on (changes.campaign_id, changes.subscriber_id) changes.*
    from {{ ref('membership_changes') }} as changes
    inner join {{ ref('stg_run__dates') }} as runs
        on changes.business_date = runs.business_date and changes.attempt_no <= runs.attempts_released
    order by
        changes.campaign_id asc,
        changes.subscriber_id asc,
        changes.effective_on desc,
        changes.business_date desc,
        changes.attempt_no desc
)

select
    members.campaign_id,
    members.subscriber_id,
    states.msisdn,
    states.city_code,
    members.member_since,
    members.reason
from last_changes as members
left join lateral (
    select
        history.msisdn,
        history.city_code
    from {{ ref('int_subscriber__history') }} as history
    where history.subscriber_id = members.subscriber_id and history.is_present
    order by history.state_on desc, history.revision desc
    limit 1
) as states on true
where members.action = 'ADD'
