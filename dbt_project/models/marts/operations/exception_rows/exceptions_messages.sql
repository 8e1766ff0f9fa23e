-- Delivery reports that fit no message, or contradict.
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
