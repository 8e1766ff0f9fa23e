-- Family numbers that the hotline's staff set up.
select
    decisions.campaign_id,
    null::text as hall_code,
    decisions.staff_id,
    decisions.subscriber_id,
    decisions.effective_at::date as helped_on,
    true as is_business,
    false as is_error
from {{ ref('family_decisions') }} as decisions
where decisions.channel = 'HOTLINE' and decisions.reason = 'APPROVED' and decisions.staff_id is not null
