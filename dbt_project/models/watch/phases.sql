-- The phases of each campaign, by its dates: if the launch is refused the warm-up continues. After the close, runs
-- continue until no promise is open: then the phase is settled, and the campaign is over.
{{ config(materialized='stable_view') }}

with runs as (
    select max(business_date) as last_released
    from {{ ref('stg_run__dates') }}
    where attempts_released > 0
),

campaigns as (
    select
        campaigns.campaign_id,
        campaigns.warm_up_from,
        campaigns.ends_on,
        campaigns.follow_up_until,
        case
            when campaigns.is_launched then campaigns.starts_on
            when coalesce(runs.last_released + 1 >= campaigns.planned_starts_on, false) then campaigns.ends_on + 1
            else campaigns.planned_starts_on
        end as starts_on
    from {{ ref('int_campaign__campaigns') }} as campaigns
    cross join runs
),

open_at_last as (
    select distinct on (campaign_id)
        campaign_id,
        amount
    from {{ ref('run_figures') }}
    where figure = 'open_fen'
    order by campaign_id asc, business_date desc, attempt_no desc
),

phases as (
    select
        campaign_id,
        1 as phase_no,
        'PREPARATION' as phase,
        null::date as first_date,
        warm_up_from - 1 as last_date
    from campaigns
    union all
    select
        campaign_id,
        2 as phase_no,
        'WARM_UP' as phase,
        warm_up_from as first_date,
        starts_on - 1 as last_date
    from campaigns
    union all
    select
        campaign_id,
        3 as phase_no,
        'EXECUTION' as phase,
        starts_on as first_date,
        ends_on as last_date
    from campaigns
    union all
    select
        campaign_id,
        4 as phase_no,
        'FOLLOW_UP' as phase,
        ends_on + 1 as first_date,
        follow_up_until as last_date
    from campaigns
    union all
    select
        campaign_id,
        5 as phase_no,
        'CLOSE' as phase,
        follow_up_until + 1 as first_date,
        null::date as last_date
    from campaigns
),

final as (
    select
        phases.campaign_id,
        phases.phase_no,
        phases.phase,
        phases.first_date,
        phases.last_date,
        phases.phase = 'CLOSE' and coalesce(open_at_last.amount, 0) = 0 as is_settled
    from phases
    left join open_at_last on phases.campaign_id = open_at_last.campaign_id
    -- a phase without days: no warm-up, or a campaign that was never launched
    where phases.first_date is null or phases.last_date is null or phases.first_date <= phases.last_date
)

select * from final
