-- Publicity as planned and as done (W2, W3): each activity of the campaign with its vouchers and, on social media, its
-- figures. A voucher belongs to the activity whose code its memo begins with; those of no activity stand as OTHER.
with run as (
    select * from {{ ref('stg_run__current') }}
),

activities as (
    select
        terms.campaign_id,
        terms.priority,
        activities.activity ->> 'code' as activity_code,
        activities.activity ->> 'channel' as channel,
        activities.activity ->> 'name' as activity_name,
        activities.activity ->> 'platform' as platform,
        activities.activity ->> 'topic' as topic,
        activities.activity ->> 'partner' as partner,
        array_to_string(array(select jsonb_array_elements_text(activities.activity -> 'places')), '、') as places,
        (activities.activity ->> 'from')::date as planned_from,
        (activities.activity ->> 'to')::date as planned_to,
        case activities.activity ->> 'channel' when 'offline' then 'B5.2' else 'B5.1' end as budget_line,
        (activities.activity ->> 'planned_cost_fen')::bigint as planned_cost_fen
    from run
    cross join lateral {{ function('terms_on') }}(run.business_date) as terms
    cross join lateral jsonb_array_elements(terms.terms -> 'publicity' -> 'activities') as activities (activity)
),

first_campaign as (
    select campaign_id
    from {{ ref('stg_campaign__campaigns') }}
    order by priority desc, campaign_id asc
    limit 1
),

vouchers as (
    select
        expenses.budget_line,
        expenses.amount_fen,
        coalesce(named.campaign_id, first_campaign.campaign_id) as campaign_id,
        coalesce(named.activity_code, 'OTHER') as activity_code
    from {{ ref('expenses') }} as expenses
    cross join first_campaign
    left join lateral (
        select
            activities.campaign_id,
            activities.activity_code
        from activities
        where activities.activity_code = substring(expenses.memo from '^[A-Za-z0-9-]+')
        order by activities.priority desc, activities.campaign_id asc
        limit 1
    ) as named on true
    where expenses.budget_line in ('B5.1', 'B5.2') and not {{ is_withdrawn('expenses', 'expense') }}
),

paid as (
    select
        campaign_id,
        activity_code,
        budget_line,
        count(*) as vouchers,
        sum(amount_fen)::bigint as actual_cost_fen
    from vouchers
    group by campaign_id, activity_code, budget_line
),

shown as (
    select
        activities.campaign_id,
        activities.activity_code,
        count(distinct figures.day) as days_with_figures,
        max(figures.heat) as top_heat,
        sum(figures.impressions)::bigint as impressions,
        sum(figures.interactions)::bigint as interactions
    from activities
    inner join {{ ref('int_social__figures') }} as figures
        on
            activities.platform = figures.platform
            and figures.day between activities.planned_from and activities.planned_to
            and (activities.topic is null or activities.topic = figures.topic)
    group by activities.campaign_id, activities.activity_code
),

final as (
    select
        coalesce(activities.campaign_id, paid.campaign_id) as campaign_id,
        coalesce(activities.activity_code, paid.activity_code) as activity_code,
        coalesce(activities.budget_line, paid.budget_line) as budget_line,
        activities.channel,
        activities.activity_name,
        activities.platform,
        activities.topic,
        activities.partner,
        nullif(activities.places, '') as places,
        activities.planned_from,
        activities.planned_to,
        case
            when activities.activity_code is null then 'NOT_PLANNED'
            when run.business_date < activities.planned_from then 'PLANNED'
            when run.business_date <= activities.planned_to then 'RUNNING'
            when paid.vouchers > 0 or shown.days_with_figures > 0 then 'DONE'
            else 'NOT_SEEN'
        end as state,
        coalesce(activities.planned_cost_fen, 0) as planned_cost_fen,
        coalesce(paid.actual_cost_fen, 0) as actual_cost_fen,
        coalesce(paid.vouchers, 0) as vouchers,
        coalesce(shown.days_with_figures, 0) as days_with_figures,
        shown.top_heat,
        shown.impressions,
        shown.interactions
    from activities
    full join paid
        on
            activities.campaign_id = paid.campaign_id
            and activities.activity_code = paid.activity_code
            and activities.budget_line = paid.budget_line
    left join shown
        on activities.campaign_id = shown.campaign_id and activities.activity_code = shown.activity_code
    cross join run
)

select * from final
