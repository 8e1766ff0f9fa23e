-- Rows that were to leave, lack what their interface needs (rules, 12), and have not left since. A line of the list of
-- who qualifies is another row each day: its subscriber's last one counts.
select distinct on (
    held.campaign_id,
    held.interface,
    case held.interface when 'eligibility' then held.subscriber_id else held.item_key end
) held.*
from {{ ref('stg_outbox__held') }} as held
where
    not exists (
        select from {{ ref('stg_outbox__items') }} as sent
        where sent.item_key = held.item_key and sent.run_on >= held.run_on
    )
    and not exists (
        select from {{ ref('stg_outbox__items') }} as sent
        where
            held.interface = 'eligibility'
            and sent.interface = 'eligibility'
            and sent.subscriber_id = held.subscriber_id
            and sent.campaign_id = held.campaign_id
            and sent.run_on >= held.run_on
    )
order by
    held.campaign_id asc,
    held.interface asc,
    case held.interface when 'eligibility' then held.subscriber_id else held.item_key end asc,
    held.run_on desc
