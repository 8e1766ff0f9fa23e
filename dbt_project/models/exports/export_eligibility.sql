-- Adds to and removes from the channels' list of who qualifies: the difference between what is true when the next date
-- begins and the last line that the carrier got and did not refuse (rules, 2). The run that closes the campaign's last
-- day removes everyone.
with run as (
    select * from {{ ref('stg_run__current') }}
),

campaigns as materialized (
    select
        campaigns.campaign_id,
        run.next_date > campaigns.ends_on as is_over,
        run.next_date > campaigns.ends_on and run.previous_date < campaigns.ends_on as has_just_ended
    from {{ ref('int_campaign__campaigns') }} as campaigns
    cross join run
    where run.next_date >= campaigns.starts_on
),

retries as (
    select rejections.*
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    where rejections.interface = 'eligibility' and rejections.outcome = 'RETRY'
),

-- subscribers judged again, to be sent again, or perhaps still on the list at the end
candidates as (
    select
        statuses.campaign_id,
        statuses.subscriber_id
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join run on statuses.business_date = run.business_date
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id

    union

    select
        retries.campaign_id,
        retries.subscriber_id
    from retries
    inner join campaigns on retries.campaign_id = campaigns.campaign_id

    union

    select
        items.campaign_id,
        items.subscriber_id
    from {{ ref('stg_outbox__items') }} as items
    inner join campaigns on items.campaign_id = campaigns.campaign_id and campaigns.has_just_ended
    where items.interface = 'eligibility'
),

-- the last line about each that was not refused; one still unanswered counts as received
listed as (
    select distinct on (outcomes.campaign_id, outcomes.subscriber_id)
        outcomes.campaign_id,
        outcomes.subscriber_id,
        outcomes.item_key = {{ content_key([
            'outcomes.campaign_id', "'ELIGIBILITY'", 'outcomes.subscriber_id', "'ADD'", '(outcomes.business_date + 1)'
        ]) }} as is_listed
    from candidates
    inner join {{ ref('int_outbox__outcomes') }} as outcomes
        on candidates.campaign_id = outcomes.campaign_id and candidates.subscriber_id = outcomes.subscriber_id
    where outcomes.interface = 'eligibility' and coalesce(outcomes.outcome, 'UNANSWERED') not in ('REFUSED', 'RETRY')
    order by outcomes.campaign_id asc, outcomes.subscriber_id asc, outcomes.business_date desc, outcomes.file_stem desc
),

statuses as (
    select distinct on (statuses.campaign_id, statuses.subscriber_id)
        statuses.campaign_id,
        statuses.subscriber_id,
        statuses.is_eligible,
        statuses.reason
    from candidates
    inner join {{ ref('int_eligibility__statuses') }} as statuses
        on candidates.campaign_id = statuses.campaign_id and candidates.subscriber_id = statuses.subscriber_id
    order by statuses.campaign_id asc, statuses.subscriber_id asc, statuses.judged_for desc, statuses.attempt_no desc
),

changes as (
    select
        statuses.campaign_id,
        statuses.subscriber_id,
        case when statuses.is_eligible and not campaigns.is_over then 'ADD' else 'REMOVE' end as action,
        run.next_date as effective_on,
        case when campaigns.is_over then 'WINDOW' else statuses.reason end as reason,
        retries.resend_of
    from statuses
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id
    cross join run
    left join listed
        on statuses.campaign_id = listed.campaign_id and statuses.subscriber_id = listed.subscriber_id
    left join retries
        on statuses.campaign_id = retries.campaign_id and statuses.subscriber_id = retries.subscriber_id
    where
        (statuses.is_eligible and not campaigns.is_over) <> coalesce(listed.is_listed, false)
        -- a person who asks again does not know what the carrier has: it gets what is true now
        or retries.is_asked
),

final as (
    select
        changes.campaign_id,
        {{ content_key([
            'changes.campaign_id', "'ELIGIBILITY'", 'changes.subscriber_id', 'changes.action', 'changes.effective_on'
        ]) }} as item_key,
        changes.subscriber_id as answer_key,
        null::text as benefit,
        null::text as budget_line,
        null::bigint as committed_fen,
        null::bigint as liability_fen,
        {{ missing_columns(['states.msisdn']) }} as missing_columns,
        changes.resend_of,
        changes.subscriber_id,
        states.msisdn,
        changes.action,
        changes.effective_on,
        changes.reason
    from changes
    cross join run
    left join lateral {{ function('last_listing_as_of') }}(
        changes.subscriber_id, run.business_date, changes.action <> 'ADD'
    ) as states on true
)

select * from final
