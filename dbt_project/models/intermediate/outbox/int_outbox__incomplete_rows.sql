-- Rows that should leave, lack a column their interface needs (rules, 12), and have not left since. A line of the list
-- of who qualifies is another row each day: its subscriber's last one counts.
select distinct on (
    incomplete.campaign_id,
    incomplete.interface,
    case incomplete.interface when 'eligibility' then incomplete.subscriber_id else incomplete.item_key end
) incomplete.*
from {{ ref('stg_outbox__incomplete_rows') }} as incomplete
where
    not exists (
        select from {{ ref('stg_outbox__items') }} as sent
        where sent.item_key = incomplete.item_key and sent.business_date >= incomplete.business_date
    )
    and not exists (
        select from {{ ref('stg_outbox__items') }} as sent
        where
            incomplete.interface = 'eligibility'
            and sent.interface = 'eligibility'
            and sent.subscriber_id = incomplete.subscriber_id
            and sent.campaign_id = incomplete.campaign_id
            and sent.business_date >= incomplete.business_date
    )
order by
    incomplete.campaign_id asc,
    incomplete.interface asc,
    case incomplete.interface when 'eligibility' then incomplete.subscriber_id else incomplete.item_key end asc,
    incomplete.business_date desc
