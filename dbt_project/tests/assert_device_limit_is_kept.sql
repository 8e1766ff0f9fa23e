-- Nobody has more subsidised devices than the limit under which they were granted, without returned ones. Checked for
-- those to whom this run granted one.
select
    live.campaign_id,
    live.subscriber_id,
    count(*) as devices
from {{ ref('device_decisions') }} as live
left join {{ ref('int_device_order__returns') }} as given_back on live.order_id = given_back.order_id
where
    live.reason = 'GRANTED'
    and given_back.order_id is null
    and not {{ is_void('live', 'device_order', 'order_id') }}
    and (live.campaign_id, live.subscriber_id) in (
        select
            decisions.campaign_id,
            decisions.subscriber_id
        from {{ ref('device_decisions') }} as decisions
        inner join {{ ref('stg_run__current') }} as run on decisions.business_date = run.business_date
        where decisions.reason = 'GRANTED'
    )
group by live.campaign_id, live.subscriber_id
having count(*) > max(live.device_limit)
