-- Links of family numbers as earlier runs left them: a link lives from its ADD until its REMOVE or END.
with decided as (
    select decisions.*
    from {{ ref('stg_decided__family') }} as decisions
    cross join {{ ref('stg_run__current') }} as run
    where {{ is_current('decisions') }}
)

select
    added.link_key,
    added.request_id,
    added.campaign_id,
    added.subscriber_id,
    added.customer_id,
    added.city_code,
    added.tenure_band,
    added.family_msisdn,
    added.family_subscriber_id,
    added.terms_version,
    added.effective_at as begins_at,
    ended.effective_at as ends_at,
    added.business_date,
    added.attempt_no
from decided as added
left join decided as ended on added.link_key = ended.link_key and ended.action <> 'ADD'
where added.reason = 'APPROVED'
