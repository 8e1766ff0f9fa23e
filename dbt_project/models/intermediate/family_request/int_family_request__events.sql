-- requests for family numbers that count, each content once
select
    received.request_id,
    received.content_hash,
    received.is_conflict,
    received.subscriber_id,
    received.requested_at,
    received.requested_on,
    received.action,
    received.family_msisdn,
    received.channel,
    received.staff_id,
    received.file_business_date,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_family_request__received') }} as received
where not {{ is_withdrawn('received', 'family_request') }}
