-- Who belongs to the control group: drawn once a campaign, in the run that closes the day before its first announcement
-- or its start (or the first after it), then frozen. Every customer is kept with the draw's outcome, since the effect
-- compares everyone assigned.
{{ config(materialized='append_only') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

campaigns as (
    select campaigns.*
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join run
    where
        run.next_date >= campaigns.announced_from
        and not exists (
            select from {{ this }} as drawn
            where drawn.campaign_id = campaigns.campaign_id and {{ is_current('drawn') }}
        )
),

terms as materialized (
    select terms.*
    from campaigns
    inner join lateral {{ function('terms_on') }}(campaigns.starts_on) as terms
        on campaigns.campaign_id = terms.campaign_id
),

states as (
    select * from {{ ref('int_subscriber__current') }}
    where exists (select from campaigns)
),

-- a customer belongs to the stratum of the longest-serving subscription
customers as (
    select distinct on (campaigns.campaign_id, states.customer_id)
        campaigns.campaign_id,
        campaigns.control_share_bp,
        states.customer_id,
        coalesce(states.city_code, 'unknown') as city_code,
        {{ tenure_band(
            'states.activation_date', 'terms.tenure_band_starts', 'terms.tenure_band_labels'
        ) }} as tenure_band,
        {{ content_key(['campaigns.control_salt', 'states.customer_id']) }} as salted_hash
    from states
    cross join campaigns
    inner join terms on campaigns.campaign_id = terms.campaign_id
    where states.is_present and states.customer_id is not null
    order by
        campaigns.campaign_id asc,
        states.customer_id asc,
        states.activation_date asc nulls last,
        states.subscriber_id asc
),

-- every 1/share-th of the customers in order of stratum, then hash: each stratum gives its share, to within one
ranked as (
    select
        *,
        row_number() over (
            partition by campaign_id order by tenure_band, city_code, salted_hash, customer_id
        ) as ordinal
    from customers
)

select
    ranked.*,
    ranked.ordinal * ranked.control_share_bp / 10000
    > (ranked.ordinal - 1) * ranked.control_share_bp / 10000 as is_control
from ranked
