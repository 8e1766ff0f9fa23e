-- Nobody has more family numbers at a time than the terms allow, nor one number twice. Asked of those to whom this run
-- gave one.
select
    links.campaign_id,
    links.subscriber_id,
    count(*) as numbers
from {{ ref('family_links') }} as links
inner join {{ ref('stg_campaign__terms') }} as terms
    on links.campaign_id = terms.campaign_id and links.terms_version = terms.terms_version
where
    links.ends_at is null
    and (links.campaign_id, links.subscriber_id) in (
        select
            decisions.campaign_id,
            decisions.subscriber_id
        from {{ ref('family_decisions') }} as decisions
        inner join {{ ref('stg_run__current') }} as run on decisions.run_on = run.business_date
        where decisions.reason = 'APPROVED'
    )
group by links.campaign_id, links.subscriber_id
having
    count(*) > max((terms.terms -> 'family_numbers' ->> 'limit')::integer)
    or count(distinct links.family_subscriber_id) < count(*)
