-- What could not be ingested: files and rows quarantined, files that wait or were withdrawn, answers and overrides that
-- do not count.
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
        when 'EMPTY'
            then 'Ask the carrier for the whole snapshot. While none counts, no date is released.'
        else 'Ask the carrier for a corrected delivery (same name with a new check file, or the next number).'
    end as what_to_do
from {{ ref('stg_carrier__files') }} as deliveries
where deliveries.state = 'SET_ASIDE'

union all

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
from {{ ref('stg_carrier__quarantined_rows') }} as bad
inner join {{ ref('stg_carrier__files') }} as deliveries on bad.delivery_no = deliveries.delivery_no
where deliveries.state = 'LOADED'

union all

select
    null::text as campaign_id,
    'FILE_WITHDRAWN' as exception_type,
    withdrawn.withdrawn_on as found_on,
    null::text as subscriber_id,
    null::text as item_key,
    null::bigint as amount_fen,
    withdrawn.file_name as source_file,
    null::bigint as source_line,
    withdrawn.withdrawal_reason || ' (' || withdrawn.rows_loaded || ' rows of ' || withdrawn.feed || ')' as detail,
    'Ask the carrier for a right delivery; what could not be taken back by itself is listed beside.' as what_to_do
from {{ ref('stg_carrier__withdrawals') }} as withdrawn

union all

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
        when 'LATER' then 'Nothing, if its date is right: its own run ingests it. Else ask for a right name.'
        when 'EARLIER' then 'Ask the carrier for a right name: nothing of that date is ever loaded.'
        when 'RECEIPT'
            then
                'Nothing, where dates are rebuilt: its own run ingests it. Else look who laid receipts into the '
                || 'journal.'
        when 'NOT_A_FOLDER' then 'Have a folder put in its place: nothing is read or written there before.'
        when 'CHANGED' then 'Ask the carrier whether it corrects what was loaded: then a new check file is needed.'
        when 'UNDECLARED'
            then
                'Declare the feed or the interface in the carrier profile, or ask the carrier to lay it where it '
                || 'belongs, or to take it away.'
        when 'UNREADABLE' then 'Have its permissions mended; the next run looks again.'
        else 'Ask the carrier to deliver it as a plain file under a right name.'
    end as what_to_do
from {{ ref('stg_carrier__waiting_files') }} as waiting

union all

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
        when 'NOT_DELIVERED'
            then
                'Deliver the file: the answer counts once it has left. Ask who answered what the carrier had not got.'
        else 'Ask the carrier for a right answer to this file; until then its rows stay unanswered.'
    end as what_to_do
from {{ ref('stg_carrier__answers_received') }} as answers
where
    answers.state = 'SET_ASIDE'
    -- a good answer has come since, unless this one contradicts it
    and (
        answers.reason = 'CONTRADICTS'
        or not exists (
            select from {{ ref('stg_carrier__answers_received') }} as standing
            where standing.file_stem = answers.file_stem and standing.state = 'LOADED'
        )
    )

union all

select
    null::text as campaign_id,
    'WORD_SET_ASIDE' as exception_type,
    overrides.counts_from as found_on,
    null::text as subscriber_id,
    coalesce(overrides.row_key, overrides.recharge_id) as item_key,
    null::bigint as amount_fen,
    coalesce(overrides.file_stem, overrides.source_file, overrides.file_name) as source_file,
    overrides.source_line,
    coalesce(overrides.requested_by || ' said ' || overrides.kind || ': ', '')
    || overrides.reason || coalesce(': ' || overrides.detail, '') as detail,
    'Look at what changed since it was requested; request it again if it still makes sense.' as what_to_do
from {{ ref('stg_people__manual_overrides') }} as overrides
where overrides.state = 'SET_ASIDE'

union all

select
    null::text as campaign_id,
    case waiting.kind when 'CAMPAIGN_CHANGED' then 'CAMPAIGN_CHANGED' else 'OVERRIDE_PENDING' end as exception_type,
    least(waiting.requested_at::date, runs.business_date) as found_on, -- a date may be closed long after
    null::text as subscriber_id,
    waiting.override as item_key,
    null::bigint as amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    waiting.says || coalesce(', asked for by ' || waiting.requested_by || ': ' || waiting.justification, '') as detail,
    case
        when waiting.kind = 'CAMPAIGN_CHANGED'
            then 'Runs go by the content accepted before: put that back, or have the change asked for and confirmed.'
        else 'Another person confirms it, or it counts for nothing: docs/manual-overrides.md.'
    end as what_to_do
from {{ ref('stg_people__pending_overrides') }} as waiting
cross join {{ ref('stg_run__current') }} as runs
where coalesce(waiting.expires_at > runs.business_date, true)
