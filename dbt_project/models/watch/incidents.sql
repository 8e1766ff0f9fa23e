-- What went wrong in the campaign, as a log (F2): failed steps of the pipeline, alerts, and the faults that subscribers
-- reported, each from its start to its end, with what it held back.
{{ config(materialized='stable_view') }}

-- failures of one step and date until it succeeded
with failures as (
    select
        failed.step_no,
        failed.step,
        failed.ended_at,
        failed.failure,
        failed.business_date,
        (
            select min(mended.step_no)
            from {{ ref('stg_run__steps') }} as mended
            where
                mended.step = failed.step
                and mended.step_no > failed.step_no
                and mended.failure is null
                and (failed.business_date is null or mended.business_date = failed.business_date)
        ) as mended_no
    from {{ ref('stg_run__steps') }} as failed
    where failed.failure is not null
),

step_incidents as (
    select
        'STEP_FAILED' as incident_type,
        failures.step || coalesce(' ' || failures.business_date, '') as place,
        null::text as campaign_id,
        min(failures.ended_at) as started_at,
        min(mended.ended_at) as ended_at,
        -- the first line: those after it may name subscribers
        split_part((array_agg(failures.failure order by failures.step_no))[1], e'\n', 1) as cause,
        failures.business_date as held_up_date,
        null::text as held_up_file,
        null::bigint as rows_known,
        null::bigint as subscribers_known
    from failures
    left join {{ ref('stg_run__steps') }} as mended on failures.mended_no = mended.step_no
    group by failures.step, failures.business_date, failures.mended_no
),

files as (
    select
        file_name,
        max(rows_received) as rows_received,
        max(rows_quarantined) as rows_quarantined
    from {{ ref('stg_carrier__files') }}
    group by file_name
),

alert_incidents as (
    select
        alerts.alert_code as incident_type,
        alerts.place,
        alerts.campaign_id,
        alerts.since_at as started_at,
        alerts.closed_at as ended_at,
        -- requests name subscribers: see the alert
        case alerts.alert_code
            when 'OVERRIDE_PENDING' then 'an override waited for a second person'
            else alerts.what
        end as cause,
        case
            when alerts.alert_code in ('RUN_NOT_FINISHED', 'RELEASE_REFUSED') then alerts.place::date
        end as held_up_date,
        case when alerts.alert_code in ('FILE_UNANSWERED', 'ANSWER_SET_ASIDE') then alerts.place end as held_up_file,
        case alerts.alert_code
            when 'FILE_SET_ASIDE' then files.rows_received
            when 'ROWS_SET_ASIDE' then files.rows_quarantined
        end as rows_known,
        null::bigint as subscribers_known
    from {{ ref('stg_run__alerts') }} as alerts
    left join files on alerts.place = files.file_name
    where
        alerts.alert_code not in ('STEP_FAILED', 'FAULT_REPORTED')
        -- a refused release under the scheduler is shown by its step
        and not (
            alerts.alert_code = 'RELEASE_REFUSED'
            and exists (
                select from failures
                where failures.step = 'release' and failures.business_date::text = alerts.place
            )
        )
),

faults as (
    select
        'FAULT_REPORTED' as incident_type,
        tickets.benefit || ' ' || tickets.first_event_at::date as place,
        null::text as campaign_id,
        min(tickets.first_event_at) as started_at,
        case when bool_and(tickets.state = 'CLOSED') then max(tickets.closed_at) end as ended_at,
        count(*) || ' faults of ' || tickets.benefit || ' were reported' as cause,
        null::date as held_up_date,
        null::text as held_up_file,
        count(*) as rows_known,
        count(distinct tickets.subscriber_id) as subscribers_known
    from {{ ref('tickets') }} as tickets
    where tickets.ticket_kind = 'FAULT'
    group by tickets.benefit, tickets.first_event_at::date
),

found as (
    select * from step_incidents
    union all
    select * from alert_incidents
    union all
    select * from faults
),

held as (
    select distinct
        held_up_date,
        held_up_file
    from found
    where held_up_date is not null or held_up_file is not null
),

-- what left late with its date, or waits in a file
held_up as (
    select
        held.held_up_date,
        held.held_up_file,
        count(items.line_no) as rows_held,
        count(distinct items.subscriber_id) as subscribers_held
    from held
    inner join {{ ref('stg_outbox__files') }} as files
        on held.held_up_date = files.business_date or held.held_up_file = files.file_stem
    inner join {{ ref('stg_outbox__items') }} as items on files.file_stem = items.file_stem
    group by held.held_up_date, held.held_up_file
),

final as (
    select
        {{ content_key(['found.incident_type', 'found.campaign_id', 'found.place', 'found.started_at']) }}
            as incident_key,
        found.incident_type,
        found.campaign_id,
        {{ without_numbers('found.place') }} as place,
        found.started_at,
        found.ended_at,
        left({{ without_numbers('found.cause') }}, 2000) as cause,
        coalesce(found.rows_known, held_up.rows_held) as rows_affected,
        coalesce(found.subscribers_known, held_up.subscribers_held) as subscribers_affected
    from found
    left join held_up
        on found.held_up_date = held_up.held_up_date or found.held_up_file = held_up.held_up_file
)

select * from final
