-- Daily feeds of which a file is missing, and those that have stopped.
with due_dates as (
    select
        business_date,
        min(stale_days) as stale_days,
        min(files_due_at) as files_due_at
    from {{ ref('due_dates') }}
    group by business_date
    having bool_or(are_files_due)
),

-- good files, ingested or about to be
good_files as (
    select
        files.feed,
        files.business_date
    from {{ ref('stg_carrier__files') }} as files
    where files.state = 'LOADED'
    union
    select
        arrivals.feed,
        arrivals.business_date
    from {{ ref('stg_carrier__arrivals') }} as arrivals
    where
        arrivals.has_data and arrivals.has_check
        and not exists (
            select from {{ ref('stg_carrier__files') }} as files
            where files.feed = arrivals.feed and starts_with(files.file_name, arrivals.stem || '.')
        )
),

last_good as (
    select
        feed,
        max(business_date) as business_date
    from good_files
    group by feed
),

-- a quarantined file has come too; a later snapshot makes an earlier one unnecessary
missing as (
    select
        'FEED_MISSING' as alert_code,
        feeds.feed || ' ' || due_dates.business_date as place,
        'no file of ' || feeds.feed || ' for ' || due_dates.business_date || coalesce(
            ', only ' || string_agg(
                arrivals.stem
                || case when arrivals.has_data then ' without its check file' else ' without its data' end,
                ', ' order by arrivals.stem
            ), ''
        ) as what,
        due_dates.files_due_at as since_at
    from {{ ref('stg_carrier__feeds') }} as feeds
    inner join due_dates on feeds.is_daily
    left join last_good on feeds.feed = last_good.feed
    left join {{ ref('stg_carrier__arrivals') }} as arrivals
        on feeds.feed = arrivals.feed and due_dates.business_date = arrivals.business_date
    where
        not exists (
            select from good_files
            where good_files.feed = feeds.feed and good_files.business_date = due_dates.business_date
        )
        and not exists (
            select from {{ ref('stg_carrier__files') }} as files
            where files.feed = feeds.feed and files.business_date = due_dates.business_date
        )
        and not (feeds.is_snapshot and coalesce(last_good.business_date > due_dates.business_date, false))
    group by feeds.feed, due_dates.business_date, due_dates.files_due_at
),

stale as (
    select
        'FEED_STALE' as alert_code,
        feeds.feed as place,
        'the last good file of ' || feeds.feed || ' is that of '
        || coalesce(last_good.business_date::text, 'no date at all') as what,
        min(due_dates.files_due_at) as since_at
    from {{ ref('stg_carrier__feeds') }} as feeds
    left join last_good on feeds.feed = last_good.feed
    inner join due_dates
        on
            feeds.is_daily
            and (last_good.business_date is null or last_good.business_date < due_dates.business_date)
    group by feeds.feed, last_good.business_date
    having count(*) >= min(due_dates.stale_days)
)

select
    null::text as campaign_id,
    missing.*
from missing

union all

select
    null::text as campaign_id,
    stale.*
from stale
