-- What calls for a person now, one row each. It reads what stands, never a mart, so that it tells also when a run
-- waits, fails or never starts. The step `watch` keeps in raw.alert when each was raised and closed: docs/runbook/.
-- What it quotes holds no phone number (rules, 14.2).
{{ config(materialized='stable_view') }}

with clock as (
    select * from {{ ref('stg_run__clock') }}
),

-- what is said of each kind; every code has its page docs/runbook/<code>.md
codes (alert_code, severity, what_to_do) as (
    values
    ('FEED_MISSING', 'warning', 'Ask the carrier for the file of this date.'),
    ('FEED_STALE', 'critical', 'Ask the carrier why the feed has stopped.'),
    ('FILE_SET_ASIDE', 'critical', 'Ask the carrier for a corrected file under the next number.'),
    ('ROWS_SET_ASIDE', 'warning', 'Ask the carrier for these rows again, mended, under the next number.'),
    ('FILE_UNANSWERED', 'critical', 'Ask the carrier for its answer; ask again or give up by a word.'),
    ('ANSWER_SET_ASIDE', 'critical', 'Ask the carrier for a right answer to this file.'),
    ('ORPHAN_REVERSAL', 'warning', 'Ask the carrier for the recharges that these reversals name.'),
    ('RECHARGE_CONFLICT', 'warning', 'Find out which row is true and choose it by a word.'),
    ('BUDGET_OVER_PLAN', 'warning', 'Tell finance; raise the plan, or end what costs it.'),
    ('CARD_STOCK_LOW', 'warning', 'Buy codes of this platform and have them delivered.'),
    ('FAULT_REPORTED', 'critical', 'Tell technology: find and mend the fault, then close the tickets.'),
    ('LAUNCH_REFUSED', 'critical', 'Make ready what is not, or waive it by a word; until then nothing is granted.'),
    ('OVERRIDE_PENDING', 'warning', 'Have another person confirm it, or let it time out.'),
    ('CAMPAIGN_CHANGED', 'critical', 'Put the accepted file back, or ask for the change and have it confirmed.'),
    ('RELEASE_REFUSED', 'critical', 'Mend what the checks name, then run the date again.'),
    ('STEP_FAILED', 'critical', 'Mend the reason, then clear the task.'),
    ('RUN_NOT_FINISHED', 'critical', 'Look in Airflow which task of the date waits, failed or never began.')
),

due_dates as (
    select
        business_date,
        min(stale_days) as stale_days,
        min(files_due_at) as files_due_at,
        bool_or(are_files_due) as are_files_due,
        min(run_due_at) as run_due_at,
        bool_or(is_run_due) as is_run_due
    from {{ ref('due_dates') }}
    group by business_date
),

-- good files, taken in or about to be
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

-- a file that was set aside has come; a later snapshot makes an earlier one needless
missing as (
    select
        null::text as campaign_id,
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
    inner join due_dates on feeds.is_daily and due_dates.are_files_due
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
        null::text as campaign_id,
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
            and due_dates.are_files_due
            and (last_good.business_date is null or last_good.business_date < due_dates.business_date)
    group by feeds.feed, last_good.business_date
    having count(*) >= min(due_dates.stale_days)
),

-- mended by a later good file of the same date or, of a snapshot, of a later one
set_aside as (
    select distinct on (feed, file_name) *
    from {{ ref('stg_carrier__files') }}
    where rows_set_aside > 0 or state = 'SET_ASIDE'
    order by feed asc, file_name asc, delivery_no desc
),

unmended as (
    select
        null::text as campaign_id,
        case when set_aside.state = 'SET_ASIDE' then 'FILE_SET_ASIDE' else 'ROWS_SET_ASIDE' end as alert_code,
        set_aside.file_name as place,
        case
            when set_aside.state = 'SET_ASIDE' then set_aside.reason || coalesce(': ' || set_aside.detail, '')
            else set_aside.rows_set_aside || ' of ' || set_aside.rows_received || ' rows were set aside'
        end as what,
        set_aside.received_on + time '00:00' as since_at
    from set_aside
    inner join {{ ref('stg_carrier__feeds') }} as feeds on set_aside.feed = feeds.feed
    where
        not exists (
            select from {{ ref('stg_carrier__files') }} as mended
            where
                mended.feed = set_aside.feed
                and mended.delivery_no > set_aside.delivery_no
                and mended.state = 'LOADED'
                and (
                    mended.business_date = set_aside.business_date
                    or (feeds.is_snapshot and mended.business_date > set_aside.business_date)
                )
        )
),

unanswered as (
    select
        files.campaign_id,
        'FILE_UNANSWERED' as alert_code,
        files.file_stem as place,
        files.row_count || ' rows were sent and are unanswered' as what,
        files.run_on + 1 + terms.unanswered_days + time '00:00' as since_at -- sent in the morning after its date
    from {{ ref('stg_outbox__files') }} as files
    cross join clock
    inner join {{ ref('stg_campaign__watch') }} as terms
        on
            files.campaign_id = terms.campaign_id
            and files.run_on >= terms.holds_from
            and files.run_on < terms.holds_until
    left join {{ ref('stg_carrier__answers') }} as answers on files.file_stem = answers.file_stem
    where
        files.delivered_at is not null
        and answers.file_stem is null
        -- a row left that nobody has asked for again or given up
        and files.row_count > (
            select count(*) from {{ ref('int_outbox__words') }} as words
            where words.file_stem = files.file_stem
        )
        and files.run_on + 1 + terms.unanswered_days <= clock.as_of::date
),

answers_set_aside as (
    select
        null::text as campaign_id,
        'ANSWER_SET_ASIDE' as alert_code,
        received.file_stem as place,
        received.reason || coalesce(': ' || received.detail, '') as what,
        received.received_on + time '00:00' as since_at
    from (
        select distinct on (file_stem) *
        from {{ ref('stg_carrier__answers_received') }}
        order by file_stem asc, answer_no desc
    ) as received
    where received.state = 'SET_ASIDE'
),

last_pass as (
    select
        run_on,
        pass_no
    from {{ ref('run_figures') }}
    order by run_on desc, pass_no desc
    limit 1
),

found_by_run as (
    select
        figures.campaign_id,
        case figures.figure
            when 'over_plan_fen' then 'BUDGET_OVER_PLAN'
            when 'orphan_reversal_rows' then 'ORPHAN_REVERSAL'
            when 'low_card_stock_codes' then 'CARD_STOCK_LOW'
            else 'RECHARGE_CONFLICT'
        end as alert_code,
        figures.member
        || case when figures.figure = 'over_plan_fen' then to_char(figures.since_on, ' YYYY-MM') else '' end as place,
        case figures.figure
            when 'over_plan_fen' then 'promised and paid pass the plan of the month'
            when 'orphan_reversal_rows' then 'reversals of this file name recharges that have not arrived'
            when 'low_card_stock_codes'
                then figures.amount || ' codes are left: too few for the month, or for the claims that wait'
            else 'recharge ids of this file stand twice, with other content'
        end as what,
        figures.since_on + time '00:00' as since_at
    from {{ ref('run_figures') }} as figures
    inner join last_pass on figures.run_on = last_pass.run_on and figures.pass_no = last_pass.pass_no
    where figures.figure in (
        'over_plan_fen', 'orphan_reversal_rows', 'recharge_conflict_rows', 'low_card_stock_codes'
    )
),

-- faults that subscribers told of, of one benefit and day together
faults as (
    select
        null::text as campaign_id,
        'FAULT_REPORTED' as alert_code,
        tickets.benefit || ' ' || tickets.first_event_at::date as place,
        count(*) || ' tickets are not closed: '
        || string_agg(tickets.ticket_id, ', ' order by tickets.ticket_id) as what,
        min(tickets.first_event_at) as since_at
    from {{ ref('tickets') }} as tickets
    where tickets.ticket_kind = 'FAULT' and tickets.state <> 'CLOSED'
    group by tickets.benefit, tickets.first_event_at::date
),

-- of a launch that the last run released should have let begin
not_launched as (
    select
        campaigns.campaign_id,
        'LAUNCH_REFUSED' as alert_code,
        campaigns.planned_starts_on::text as place,
        'neither met nor waived: ' || string_agg(lines.line, ', ' order by lines.line) as what,
        campaigns.planned_starts_on + time '00:00' as since_at
    from {{ ref('int_campaign__campaigns') }} as campaigns
    inner join {{ ref('int_readiness__lines') }} as lines on campaigns.campaign_id = lines.campaign_id
    where
        not campaigns.is_launched
        and not lines.is_ready
        and exists (
            select from {{ ref('stg_run__dates') }} as runs
            where
                runs.passes_released > 0
                and runs.business_date + 1 between campaigns.planned_starts_on and campaigns.ends_on
        )
    group by campaigns.campaign_id, campaigns.planned_starts_on
),

refused as (
    select
        null::text as campaign_id,
        'RELEASE_REFUSED' as alert_code,
        refusals.business_date::text as place,
        refusals.checks_failed || ' checks failed: ' || refusals.detail as what,
        coalesce(runs.started_at, refusals.business_date + time '00:00') as since_at
    from {{ ref('stg_run__refusals') }} as refusals
    inner join {{ ref('stg_run__dates') }} as runs
        on refusals.business_date = runs.business_date and refusals.pass_no > runs.passes_released
),

failed as (
    select
        null::text as campaign_id,
        'STEP_FAILED' as alert_code,
        last_steps.step || coalesce(' ' || last_steps.business_date, '') as place,
        last_steps.failure as what,
        last_steps.ended_at as since_at
    from (
        select distinct on (step, business_date) *
        from {{ ref('stg_run__steps') }}
        order by step asc, business_date asc, step_no desc
    ) as last_steps
    where
        last_steps.failure is not null
        and not (
            last_steps.step = 'release'
            and last_steps.business_date::text in (select refused.place from refused)
        )
),

-- dates are closed in order: the first that is late holds up the others
unfinished as (
    select
        null::text as campaign_id,
        'RUN_NOT_FINISHED' as alert_code,
        due_dates.business_date::text as place,
        case
            when runs.business_date is null then 'the run was never begun'
            when runs.started_at > runs.released_at or runs.released_at is null then 'the run is not released'
            else 'the files are not delivered'
        end as what,
        due_dates.run_due_at as since_at
    from due_dates
    left join {{ ref('stg_run__dates') }} as runs on due_dates.business_date = runs.business_date
    where
        due_dates.is_run_due
        and runs.delivered_at is null
        and not exists (
            select from {{ ref('stg_run__dates') }} as later
            where later.business_date > due_dates.business_date and later.delivered_at is not null
        )
    order by due_dates.business_date
    limit 1
),

-- a changed campaign file among them: nobody has asked for it yet
pending as (
    select
        null::text as campaign_id,
        case waiting.kind when 'CAMPAIGN_CHANGED' then 'CAMPAIGN_CHANGED' else 'OVERRIDE_PENDING' end as alert_code,
        waiting.override as place,
        waiting.says || coalesce(', asked for by ' || waiting.requested_by || ': ' || waiting.why, '') as what,
        waiting.requested_at as since_at
    from {{ ref('stg_people__pending_overrides') }} as waiting
    cross join clock
    where coalesce(waiting.expires_at > clock.as_of, true)
),

found as (
    select * from missing
    union all
    select * from stale
    union all
    select * from unmended
    union all
    select * from unanswered
    union all
    select * from answers_set_aside
    union all
    select * from found_by_run
    union all
    select * from faults
    union all
    select * from not_launched
    union all
    select * from refused
    union all
    select * from failed
    union all
    select * from unfinished
    union all
    select * from pending
),

final as (
    select
        {{ content_key(['found.alert_code', 'found.campaign_id', 'found.place']) }} as alert_key,
        found.alert_code,
        codes.severity,
        found.campaign_id,
        {{ without_numbers('found.place') }} as place,
        left({{ without_numbers('found.what') }}, 2000) as what,
        found.since_at,
        codes.what_to_do,
        'docs/runbook/' || found.alert_code || '.md' as runbook
    from found
    inner join codes on found.alert_code = codes.alert_code
)

select * from final
