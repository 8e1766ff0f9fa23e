-- Recharges: discounts that do not fit, late ones, conflicts, reversals of what has not arrived.
with run as (
    select * from {{ ref('stg_run__current') }}
)

select
    decisions.campaign_id,
    case
        when decisions.reason = 'LATE' then 'LATE_RECHARGE'
        when decisions.discount_check = 'OVER' then 'DISCOUNT_OVER'
        else 'DISCOUNT_NOT_ENTITLED'
    end as exception_type,
    decisions.decided_on as found_on,
    decisions.subscriber_id,
    decisions.recharge_id as item_key,
    decisions.applied_fen - decisions.entitled_fen as amount_fen,
    decisions.source_file,
    decisions.source_line,
    'applied ' || decisions.applied_fen || ' fen, entitled ' || decisions.entitled_fen || ' fen, '
    || decisions.reason || coalesce(' ' || decisions.not_eligible_reason, '') as detail,
    case
        when decisions.reason = 'LATE' then 'Decide by hand: the recharge was delivered too late to be honoured.'
        else 'Settle with the channel; the subscriber is not charged.'
    end as what_to_do
from {{ ref('recharge_decisions') }} as decisions
where
    not {{ is_void('decisions', 'recharge', 'recharge_id') }}
    and (
        decisions.reason = 'LATE'
        or decisions.discount_check = 'OVER'
        or (
            decisions.discount_check = 'NOT_ENTITLED'
            -- unless it was granted since, or by another campaign, for which the channel took it off
            and not exists (
                select from {{ ref('recharge_decisions') }} as others
                where
                    others.subscriber_id = decisions.subscriber_id
                    and others.recharged_month = decisions.recharged_month
                    and others.recharge_id = decisions.recharge_id
                    and others.reason = 'GRANTED'
                    and not {{ is_void('others', 'recharge', 'recharge_id') }}
            )
        )
    )

union all

select
    null::text as campaign_id,
    case when disputes.is_open then 'RECHARGE_CONFLICT' else 'RECHARGE_CHOSEN' end as exception_type,
    disputes.found_on,
    others.subscriber_id,
    others.recharge_id as item_key,
    others.face_fen as amount_fen,
    others.source_file,
    others.source_line,
    case
        when disputes.is_open then 'the same recharge id with other content'
        else disputes.chosen_by || ' chose ' || disputes.chosen_file || ' line ' || disputes.chosen_line
    end as detail,
    case
        when disputes.is_open
            then 'Find out which row is true and choose it; until then none of them earns anything.'
        else 'Nothing: the row that was chosen counts, the others do not.'
    end as what_to_do
from {{ ref('int_recharge__disputes') }} as disputes
inner join {{ ref('int_recharge__events') }} as others on disputes.recharge_id = others.recharge_id
-- not one that ended since the other contents were withdrawn
where disputes.is_open or disputes.chosen_file is not null

union all

select
    terms.campaign_id,
    'ORPHAN_REVERSAL' as exception_type,
    events.business_date + terms.orphan_reversal_days as found_on,
    events.subscriber_id,
    events.recharge_id as item_key,
    null::bigint as amount_fen,
    events.source_file,
    events.source_line,
    'reverses ' || events.reverses_id || ', which has not arrived' as detail,
    'Ask the carrier for the recharge; the reversal waits for it.' as what_to_do
from {{ ref('int_recharge__events') }} as events
cross join run
cross join lateral {{ function('terms_on') }}(events.recharged_on) as terms
where
    events.reverses_id is not null
    and events.kind = 'REVERSAL'
    and events.business_date + terms.orphan_reversal_days <= run.business_date
    and not exists (
        select from {{ ref('int_recharge__events') }} as named
        where named.recharge_id = events.reverses_id
    )
    -- a row in conflict is listed as that
    and not exists (
        select from {{ ref('int_recharge__disputes') }} as disputes
        where
            disputes.recharge_id = events.recharge_id
            and (
                disputes.is_open
                or (disputes.chosen_file, disputes.chosen_line) <> (events.source_file, events.source_line)
            )
    )

union all

select
    null::text as campaign_id,
    'ORPHAN_REVERSAL' as exception_type,
    events.business_date as found_on,
    events.subscriber_id,
    events.recharge_id as item_key,
    null::bigint as amount_fen,
    events.source_file,
    events.source_line,
    'names no recharge' as detail,
    'Ask the carrier which recharge it reverses; nothing is reversed by it.' as what_to_do
from {{ ref('int_recharge__events') }} as events
where events.kind = 'REVERSAL' and events.reverses_id is null

union all

select
    null::text as campaign_id,
    'REVERSAL_MISMATCH' as exception_type,
    reversals.seen_on as found_on,
    reversals.subscriber_id,
    reversals.reversal_id as item_key,
    reversals.amount_fen,
    reversals.source_file,
    reversals.source_line,
    reversals.verdict || ': reverses ' || reversals.amount_fen || ' fen of ' || reversals.recharge_id || case
        when reversals.verdict = 'OTHER_SUBSCRIBER' then ', a recharge of another subscriber'
        when reversals.verdict = 'NOT_A_RECHARGE' then ', a reversal itself'
        when reversals.verdict = 'TOO_MUCH'
            then ', a recharge of ' || reversals.recharge_fen || ' fen, with what was reversed of it before'
        else ''
    end as detail,
    'Ask the carrier what was meant, and for a right reversal under an id of its own; nothing is reversed by this one.'
        as what_to_do
from {{ ref('int_recharge__judged_reversals') }} as reversals
where
    reversals.verdict not in ('REVERSES', 'FURTHER_PART', 'ENDED')
    and not {{ is_withdrawn('reversals', 'recharge') }}

union all

select
    null::text as campaign_id,
    'REVERSAL_WITHDRAWN' as exception_type,
    withdrawn.withdrawn_on as found_on,
    reversals.subscriber_id,
    reversals.recharge_id as item_key,
    null::bigint as amount_fen,
    reversals.source_file,
    reversals.source_line,
    'the reversal ' || reversals.reversal_id || ' is withdrawn, but credits have left since the recharge' as detail,
    'See what was paid and clawed back; what is still owed goes out for a recharge of an id of its own.' as what_to_do
from {{ ref('int_recharge__reversals') }} as reversals
inner join {{ ref('stg_carrier__withdrawals') }} as withdrawn
    on
        reversals.source_file = withdrawn.file_name
        and withdrawn.feed = 'recharge'
        and (reversals.business_date, reversals.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
where
    not exists (
        select from {{ ref('int_recharge__events') }} as events
        where events.recharge_id = reversals.reversal_id and events.reverses_id = reversals.recharge_id
    )
