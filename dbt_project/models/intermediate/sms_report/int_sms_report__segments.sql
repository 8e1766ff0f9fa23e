-- the carrier's reports on each segment of an SMS that count
select received.*
from {{ ref('int_sms_report__received') }} as received
where not {{ is_withdrawn('received', 'sms_report') }}
