-- what the carrier reported of each part of an SMS and counts
select
    received.report_id,
    received.content_hash,
    received.message_key,
    received.part_no,
    received.parts,
    received.state,
    received.error_code,
    received.reported_at,
    received.problem,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_sms_report__received') }} as received
where not {{ is_withdrawn('received', 'sms_report') }}
