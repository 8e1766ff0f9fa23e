-- Nobody has more family numbers at a time than the limit under which they were approved. Checked for those to whom
-- this run gave one.
select
    campaign_id,
    subscriber_id,
    count(*) filter (where action = 'ADD') - count(*) filter (where action <> 'ADD') as numbers
from {{ ref('family_decisions') }}
where
    link_key is not null
    and (campaign_id, subscriber_id) in (
        select
            decisions.campaign_id,
            decisions.subscriber_id
        from {{ ref('family_decisions') }} as decisions
        inner join {{ ref('stg_run__current') }} as run on decisions.business_date = run.business_date
        where decisions.reason = 'APPROVED'
    )
group by campaign_id, subscriber_id
having count(*) filter (where action = 'ADD') - count(*) filter (where action <> 'ADD') > max(family_limit)
