-- what the carrier reported of each part of an SMS and counts
select received.*
from {{ ref('int_sms_report__received') }} as received
where not {{ is_withdrawn('received', 'sms_report') }}
