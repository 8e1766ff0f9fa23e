-- The dates whose files and whose run are due by now: from the day before the campaign to the end of the late files and
-- of the follow-up, then while the last run left a promise open.
with clock as (
    select * from {{ ref('stg_run__clock') }}
),

owed as (
    select distinct on (campaign_id)
        campaign_id,
        amount > 0 as is_owing
    from {{ ref('run_figures') }}
    where figure = 'open_fen'
    order by campaign_id asc, business_date desc, attempt_no desc
),

spans as (
    select
        campaigns.campaign_id,
        campaigns.starts_on - 1 as first_date,
        case
            when owed.is_owing then clock.as_of::date - 1
            else
                least(
                    clock.as_of::date - 1,
                    greatest(campaigns.ends_on + last_terms.late_days, campaigns.follow_up_until)
                )
        end as last_date
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join clock
    inner join {{ ref('stg_campaign__watch') }} as last_terms
        on
            campaigns.campaign_id = last_terms.campaign_id
            and campaigns.ends_on >= last_terms.valid_from
            and campaigns.ends_on < last_terms.valid_until
    left join owed on campaigns.campaign_id = owed.campaign_id
),

final as (
    select
        spans.campaign_id,
        days.day::date as business_date,
        terms.stale_days,
        days.day::date + 1 + terms.delivered_by as files_due_at,
        days.day::date + 1 + terms.finished_by as run_due_at,
        days.day::date + 1 + terms.delivered_by <= clock.as_of as are_files_due,
        days.day::date + 1 + terms.finished_by <= clock.as_of as is_run_due
    from spans
    cross join clock
    cross join lateral generate_series(spans.first_date, spans.last_date, interval '1 day') as days (day)
    inner join {{ ref('stg_campaign__watch') }} as terms
        on
            spans.campaign_id = terms.campaign_id
            and days.day::date >= terms.valid_from
            and days.day::date < terms.valid_until
)

select * from final
