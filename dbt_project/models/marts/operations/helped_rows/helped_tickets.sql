-- Tickets that staff answered: no business by themselves, but the subscriber's later survey answer counts.
select
    campaigns.campaign_id,
    null::text as hall_code,
    tickets.answered_by as staff_id,
    tickets.subscriber_id,
    tickets.answered_at::date as helped_on,
    false as is_business,
    false as is_error
from {{ ref('tickets') }} as tickets
cross join {{ ref('stg_campaign__campaigns') }} as campaigns
where tickets.answered_by is not null
