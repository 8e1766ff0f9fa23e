-- Delivery reports that fit no message, or contradict; opt-outs of a number that nobody held.
select
    messages.campaign_id,
    'SMS_REPORT' as exception_type,
    reports.business_date as found_on,
    messages.subscriber_id,
    reports.message_key as item_key,
    null::bigint as amount_fen,
    reports.source_file,
    reports.source_line,
    reports.problem || ': report ' || reports.report_id || ' says ' || reports.state
    || ' of part ' || reports.segment_no || ' of ' || reports.segments as detail,
    case reports.problem
        when 'CONTRADICTS' then 'Ask the carrier which of the two is true; the message counts as failed.'
        else 'Ask the carrier; the report counts for nothing.'
    end as what_to_do
from {{ ref('int_sms_report__segments') }} as reports
left join {{ ref('messages') }} as messages on reports.message_key = messages.message_key
where reports.problem is not null

union all

select
    null::text as campaign_id,
    'OPT_OUT_OF_NOBODY' as exception_type,
    optouts.business_date as found_on,
    null::text as subscriber_id,
    optouts.event_id as item_key,
    null::bigint as amount_fen,
    optouts.source_file,
    optouts.source_line,
    optouts.action || ' at ' || optouts.opted_at || case
        when optouts.is_unidentified then ': it names neither a number nor a subscriber'
        else ': nobody held its number on that day'
    end as detail,
    'Ask the carrier whose word it is, by file and line, and for the event with the subscriber.' as what_to_do
from {{ ref('int_optout__preferences') }} as optouts
where optouts.subscriber_id is null
