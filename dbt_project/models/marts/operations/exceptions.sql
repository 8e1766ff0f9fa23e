-- What people have to look at, one row each, with what to do.
with run as (
    select * from {{ ref('stg_run__current') }}
),

files_set_aside as (
    select
        null::text as campaign_id,
        'FILE_SET_ASIDE' as exception_type,
        deliveries.received_on as found_on,
        null::text as subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        deliveries.file_name as source_file,
        null::bigint as source_line,
        deliveries.reason || coalesce(': ' || deliveries.detail, '') as detail,
        case deliveries.reason
            when 'UNIT'
                then
                    'Ask the carrier for the unit of the amounts and for a corrected delivery; where they are right, '
                    || 'change what the carrier profile says is usual, and have the files written again.'
            else 'Ask the carrier for a corrected delivery (same name with a new check file, or the next number).'
        end as what_to_do
    from {{ ref('stg_carrier__files') }} as deliveries
    where deliveries.state = 'SET_ASIDE'
),

rows_set_aside as (
    select
        null::text as campaign_id,
        'ROW_SET_ASIDE' as exception_type,
        deliveries.received_on as found_on,
        null::text as subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        deliveries.file_name as source_file,
        bad.line_no as source_line,
        bad.reason || coalesce(': ' || bad.field, '') as detail,
        'Ask the carrier to deliver the row again, mended.' as what_to_do
    from {{ ref('stg_carrier__set_aside_rows') }} as bad
    inner join {{ ref('stg_carrier__files') }} as deliveries on bad.delivery_no = deliveries.delivery_no
    where deliveries.state = 'LOADED'
),

files_waiting as (
    select
        null::text as campaign_id,
        'FILE_WAITING' as exception_type,
        waiting.since as found_on,
        null::text as subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        waiting.path as source_file,
        null::bigint as source_line,
        waiting.reason || ': ' || waiting.detail as detail,
        case waiting.reason
            when 'NO_CHECK' then 'Ask the carrier for the check file: without it the data file does not count.'
            when 'NO_DATA' then 'Ask the carrier for the data file, or for the right name of the check file.'
            when 'LATER' then 'Nothing, if its date is right: its own run takes it in. Else ask for a right name.'
            when 'CHANGED' then 'Ask the carrier whether it corrects what was loaded: then a new check file is needed.'
            when 'UNDECLARED' then 'Declare the feed in the carrier profile, or ask the carrier to take it away.'
            when 'UNREADABLE' then 'Have its permissions mended; the next run looks again.'
            else 'Ask the carrier to deliver it as a plain file under a right name.'
        end as what_to_do
    from {{ ref('stg_carrier__waiting_files') }} as waiting
),

answers_set_aside as (
    select
        null::text as campaign_id,
        'ANSWER_SET_ASIDE' as exception_type,
        answers.received_on as found_on,
        null::text as subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        answers.file_stem as source_file,
        null::bigint as source_line,
        answers.reason || coalesce(': ' || answers.detail, '') as detail,
        case answers.reason
            when 'CONTRADICTS' then 'Ask the carrier which answer is true; the first one stands and is booked.'
            else 'Ask the carrier for a right answer to this file; until then its rows stay unanswered.'
        end as what_to_do
    from {{ ref('stg_carrier__answers_received') }} as answers
    where
        answers.state = 'SET_ASIDE'
        -- a right answer has come since, unless this one contradicts it
        and (
            answers.reason = 'CONTRADICTS'
            or not exists (
                select from {{ ref('stg_carrier__answers_received') }} as standing
                where standing.file_stem = answers.file_stem and standing.state = 'LOADED'
            )
        )
),

words_set_aside as (
    select
        null::text as campaign_id,
        'WORD_SET_ASIDE' as exception_type,
        words.counts_from as found_on,
        null::text as subscriber_id,
        coalesce(words.row_key, words.recharge_id) as item_key,
        null::bigint as amount_fen,
        coalesce(words.file_stem, words.source_file, words.file_name) as source_file,
        words.source_line,
        coalesce(words.said_by || ' said ' || words.kind || ': ', '')
        || words.reason || coalesce(': ' || words.detail, '') as detail,
        'Look at what changed since it was said; say it anew where it still makes sense.' as what_to_do
    from {{ ref('stg_people__words') }} as words
    where words.state = 'SET_ASIDE'
),

bad_dates as (
    select
        statuses.campaign_id,
        'BAD_DATE' as exception_type,
        statuses.run_on as found_on,
        statuses.subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        statuses.source_file,
        statuses.source_line,
        'activation date missing, in the future, or before the carrier was founded' as detail,
        'Have the activation date corrected in the subscriber feed.' as what_to_do
    from {{ ref('int_eligibility__statuses') }} as statuses
    where 'BAD_DATE' = any(statuses.reasons)
),

corrections as (
    select
        gifted.campaign_id,
        'ACTIVATION_CORRECTED' as exception_type,
        corrections.run_on as found_on,
        corrections.subscriber_id,
        null::text as item_key,
        null::bigint as amount_fen,
        corrections.source_file,
        corrections.source_line,
        coalesce(corrections.activation_date_before::text, 'none') || ' became '
        || coalesce(corrections.activation_date_after::text, 'none') as detail,
        'Review what was granted; nothing is taken back by itself.' as what_to_do
    from {{ ref('int_subscriber__corrections') }} as corrections
    inner join lateral (
        select statuses.campaign_id
        from {{ ref('int_eligibility__statuses') }} as statuses
        where statuses.subscriber_id = corrections.subscriber_id and statuses.is_eligible
        group by statuses.campaign_id
    ) as gifted on true
),

recharges as (
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
    where decisions.discount_check in ('OVER', 'NOT_ENTITLED') or decisions.reason = 'LATE'
),

conflicts as (
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
),

orphan_reversals as (
    select
        terms.campaign_id,
        'ORPHAN_REVERSAL' as exception_type,
        reversals.seen_on + terms.orphan_reversal_days as found_on,
        reversals.subscriber_id,
        reversals.reversal_id as item_key,
        null::bigint as amount_fen,
        reversals.source_file,
        reversals.source_line,
        'reverses ' || reversals.recharge_id || ', which has not arrived' as detail,
        'Ask the carrier for the recharge; the reversal waits for it.' as what_to_do
    from {{ ref('int_recharge__reversals') }} as reversals
    cross join run
    inner join {{ ref('stg_campaign__terms') }} as terms
        on reversals.reversed_on >= terms.holds_from and reversals.reversed_on < terms.holds_until
    where
        reversals.seen_on + terms.orphan_reversal_days <= run.business_date
        and not exists (
            select from {{ ref('int_recharge__events') }} as events
            where events.recharge_id = reversals.recharge_id and events.kind = 'RECHARGE'
        )

    union all

    select
        null::text as campaign_id,
        'ORPHAN_REVERSAL' as exception_type,
        events.run_on as found_on,
        events.subscriber_id,
        events.recharge_id as item_key,
        null::bigint as amount_fen,
        events.source_file,
        events.source_line,
        'names no recharge' as detail,
        'Ask the carrier which recharge it reverses; nothing is reversed by it.' as what_to_do
    from {{ ref('int_recharge__events') }} as events
    where events.kind = 'REVERSAL' and events.reverses_id is null
),

refusals as (
    select
        setbacks.campaign_id,
        'REFUSED_BY_CARRIER' as exception_type,
        setbacks.answered_on as found_on,
        setbacks.subscriber_id,
        setbacks.item_key,
        setbacks.amount_fen,
        setbacks.file_stem as source_file,
        setbacks.line_no::bigint as source_line,
        setbacks.interface || ' refused with code ' || coalesce(setbacks.code, 'none') as detail,
        case setbacks.outcome
            when 'RETRY' then 'Nothing: the row is sent again under the same key.'
            else 'Mend the cause; an instalment goes again once the subscriber feed shows a change, or by your word.'
        end as what_to_do
    from {{ ref('int_outbox__setbacks') }} as setbacks
    where not setbacks.is_asked
),

paid_after_end as (
    select
        settlements.campaign_id,
        'PAID_AFTER_END' as exception_type,
        settlements.run_on as found_on,
        settlements.subscriber_id,
        settlements.grant_key as item_key,
        settlements.amount_fen,
        settlements.source_file,
        settlements.source_line,
        settlements.entry_type || ' after it had been given up, refused, cancelled or forfeited' as detail,
        'It is booked as cost. Recover it by hand where it was not due.' as what_to_do
    from {{ ref('ledger_settlements') }} as settlements
    where settlements.actual_fen <> 0 and settlements.committed_fen = 0
),

leakage as (
    select
        settlements.campaign_id,
        'CLAWBACK_LEAKED' as exception_type,
        settlements.run_on as found_on,
        settlements.subscriber_id,
        settlements.grant_key as item_key,
        settlements.amount_fen,
        settlements.source_file,
        settlements.source_line,
        'could not be recovered: ' || coalesce(settlements.reason, 'no code') as detail,
        'Book as leakage, or recover by hand.' as what_to_do
    from {{ ref('ledger_settlements') }} as settlements
    where settlements.entry_type = 'leaked'
),

forfeits as (
    select
        closures.campaign_id,
        'INSTALMENT_FORFEITED' as exception_type,
        closures.run_on as found_on,
        closures.subscriber_id,
        closures.grant_key as item_key,
        closures.amount_fen,
        closures.source_file,
        closures.source_line,
        closures.reason as detail,
        'Give the subscriber notice of the amount lost.' as what_to_do
    from {{ ref('ledger_closures') }} as closures
    where closures.entry_type = 'forfeited'
),

reports as (
    select
        messages.campaign_id,
        'SMS_REPORT' as exception_type,
        reports.run_on as found_on,
        messages.subscriber_id,
        reports.message_key as item_key,
        null::bigint as amount_fen,
        reports.source_file,
        reports.source_line,
        reports.problem || ': report ' || reports.report_id || ' says ' || reports.state
        || ' of part ' || reports.part_no || ' of ' || reports.parts as detail,
        case reports.problem
            when 'CONTRADICTS' then 'Ask the carrier which of the two is true; the message counts as failed.'
            else 'Ask the carrier; the report counts for nothing.'
        end as what_to_do
    from {{ ref('int_sms_report__parts') }} as reports
    left join {{ ref('messages') }} as messages on reports.message_key = messages.message_key
    where reports.problem is not null
),

final as (
    select * from files_set_aside
    union all
    select * from rows_set_aside
    union all
    select * from files_waiting
    union all
    select * from answers_set_aside
    union all
    select * from words_set_aside
    union all
    select * from bad_dates
    union all
    select * from corrections
    union all
    select * from recharges
    union all
    select * from conflicts
    union all
    select * from orphan_reversals
    union all
    select * from refusals
    union all
    select * from paid_after_end
    union all
    select * from leakage
    union all
    select * from forfeits
    union all
    select * from reports
)

select * from final
