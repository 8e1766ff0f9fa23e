select changes.*
from {{ ref('membership_changes') }} as changes
where
    changes.campaign_id = membership_as_of.of_campaign
    and changes.subscriber_id = membership_as_of.of_subscriber
    and changes.effective_on <= membership_as_of.as_of
order by changes.effective_on desc, changes.business_date desc, changes.attempt_no desc
limit 1
