-- Claims of video cards as this run has them: new ones with what refuses them, and those that have waited for a code.
-- Those without a refusal queue for their platform, by time, then claim id.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

decided as not materialized (
    select decisions.*
    from {{ ref('stg_decided__cards') }} as decisions
    cross join run
    where {{ is_current('decisions') }}
),

-- new claims and waiting ones; no reason refuses those that may have a code
claims as (
    select
        ruled.campaign_id,
        ruled.request_id as claim_id,
        ruled.subscriber_id,
        ruled.requested_at as claimed_at,
        ruled.requested_on as claimed_on,
        ruled.requested_month as claimed_month,
        ruled.item_code as platform,
        ruled.content_hash,
        ruled.grant_key,
        coalesce(ruled.refusal, case placements.outcome when 'LIMIT' then 'LIMIT' end) as refusal,
        false as has_waited,
        case when coalesce(ruled.refusal, '') <> 'CONFLICT' then ruled.customer_id end as customer_id,
        case when coalesce(ruled.refusal, '') <> 'CONFLICT' then ruled.city_code end as city_code,
        case when coalesce(ruled.refusal, '') <> 'CONFLICT' then ruled.tenure_band end as tenure_band,
        ruled.terms_version,
        ruled.source_file,
        ruled.source_line
    from {{ ref('card_rule') }} as ruled
    left join {{ ref('request_placements') }} as placements
        on
            ruled.request_id = placements.request_id
            and ruled.feed = placements.feed
            and ruled.campaign_id = placements.campaign_id

    union all

    select
        waiting.campaign_id,
        waiting.claim_id,
        waiting.subscriber_id,
        waiting.claimed_at,
        waiting.claimed_on,
        waiting.claimed_month,
        waiting.platform,
        waiting.content_hash,
        waiting.grant_key,
        case when {{ is_void('waiting', 'card_claim', 'claim_id') }} then 'WITHDRAWN' end as refusal,
        true as has_waited,
        waiting.customer_id,
        waiting.city_code,
        waiting.tenure_band,
        waiting.terms_version,
        waiting.source_file,
        waiting.source_line
    from decided as waiting
    where
        waiting.reason = 'WAITING'
        and not exists (
            select from decided as ended
            where ended.grant_key = waiting.grant_key and ended.reason in ('GRANTED', 'LAPSED', 'WITHDRAWN')
        )
),

-- only current, active members get a code
lined_up as (
    select
        claims.*,
        claims.refusal is null and coalesce(memberships.action, 'REMOVE') <> 'ADD' as has_left,
        coalesce(claims.refusal is null and memberships.action = 'ADD' and states.status = 'A', false) as is_served
    from claims
    cross join run
    left join lateral {{ function('membership_as_of') }}(
        claims.campaign_id, claims.subscriber_id, run.next_date
    ) as memberships on true
    left join lateral {{ function('state_as_of') }}(claims.subscriber_id, run.business_date) as states on true
)

select
    lined_up.*,
    row_number() over (
        partition by lined_up.platform, lined_up.is_served order by lined_up.claimed_at, lined_up.claim_id
    ) as ordinal
from lined_up
