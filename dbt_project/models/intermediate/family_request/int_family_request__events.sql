-- requests for family numbers that count, each content once
select
    request_id,
    content_hash,
    is_conflict,
    subscriber_id,
    requested_at,
    requested_on,
    event as action,
    family_msisdn,
    channel,
    staff_id,
    file_business_date,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ ref('int_request__events') }}
where feed = 'family_request'
