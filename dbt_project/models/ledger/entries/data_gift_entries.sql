-- Data gifts, as promised. One that waited for the budget is booked when it is given.
select
    {{ content_key(['gifts.grant_key', "'promised'"]) }} as entry_key,
    gifts.campaign_id,
    'DATA_GIFT' as benefit,
    'promised' as entry_type,
    gifts.grant_key,
    null::text as changes_key,
    gifts.subscriber_id,
    gifts.customer_id,
    gifts.city_code,
    gifts.tenure_band,
    gifts.valid_from as event_on,
    coalesce(waits.freed_on, gifts.run_on) as booked_on,
    gifts.cost_fen as amount_fen,
    gifts.megabytes,
    'B1' as budget_line,
    gifts.cost_fen as committed_fen,
    0::bigint as actual_fen,
    0::bigint as liability_fen,
    gifts.reason,
    'AUTOMATIC' as participation,
    gifts.terms_version,
    gifts.source_file,
    gifts.source_line
from {{ ref('data_gift_decisions') }} as gifts
left join {{ ref('waiting_list') }} as waits on gifts.grant_key = waits.grant_key
where gifts.reason = 'GRANTED' and (waits.grant_key is null or waits.freed_on is not null)
