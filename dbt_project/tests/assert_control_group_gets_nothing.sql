select decided.subscriber_id
from (
    select
        campaign_id,
        customer_id,
        subscriber_id,
        run_on
    from {{ ref('data_gift_decisions') }}
    union all
    select
        campaign_id,
        customer_id,
        subscriber_id,
        run_on
    from {{ ref('recharge_decisions') }}
    where reason = 'GRANTED'
    union all
    select
        campaign_id,
        customer_id,
        subscriber_id,
        run_on
    from {{ ref('membership_changes') }}
    where action = 'ADD'
    union all
    select
        campaign_id,
        customer_id,
        subscriber_id,
        run_on
    from {{ ref('card_decisions') }}
    where reason = 'GRANTED'
    union all
    select
        campaign_id,
        customer_id,
        subscriber_id,
        run_on
    from {{ ref('trial_decisions') }}
    where reason = 'GRANTED'
) as decided
inner join {{ ref('stg_run__current') }} as run on decided.run_on = run.business_date
inner join {{ ref('int_holdout__customers') }} as holdouts
    on decided.campaign_id = holdouts.campaign_id and decided.customer_id = holdouts.customer_id and holdouts.is_control
