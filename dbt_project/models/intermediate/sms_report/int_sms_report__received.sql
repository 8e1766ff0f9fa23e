-- What the carrier reported of each part of an SMS (rules, 8), each report once, and what is wrong with it. Of one
-- with other content the first row stands (rules, 12); a failure and a delivery of one part are two reports: both do.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['message_key']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

received as (
    select distinct on (reports.report_id)
        reports.*,
        deliveries.file_name as source_file
    from {{ ref('stg_sms_report__parts') }} as reports
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on reports.delivery_no = deliveries.delivery_no
    inner join run on {{ is_read_now('deliveries') }}
    where deliveries.feed = 'sms_report'
    order by reports.report_id, deliveries.business_date, deliveries.seq, reports.line_no
),

new_reports as (
    select
        received.*,
        -- the end of a part: of several, a part has one
        count(*) filter (where received.state = 'DELIVERED') over part > 0 as is_delivered,
        count(*) filter (where received.state = 'FAILED') over part > 0 as is_failed
    from received
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where
                known.report_id = received.report_id
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'sms_report') }}
        )
    window part as (partition by received.message_key, received.part_no)
),

final as (
    select
        new_reports.report_id,
        new_reports.content_hash,
        new_reports.message_key,
        new_reports.part_no,
        new_reports.parts,
        new_reports.state,
        new_reports.error_code,
        new_reports.reported_at,
        case
            when messages.message_key is null then 'UNKNOWN_MESSAGE'
            when new_reports.parts <> messages.segments or new_reports.part_no > messages.segments
                then 'PART_OUT_OF_RANGE'
            when
                new_reports.message_key in (
                    select settlements.grant_key
                    from {{ ref('ledger_settlements') }} as settlements
                    where settlements.benefit = 'SMS' and settlements.entry_type = 'refused'
                )
                then 'REFUSED_MESSAGE'
            when new_reports.state <> 'WAITING' and new_reports.is_delivered and new_reports.is_failed
                then 'CONTRADICTS'
            when
                new_reports.state <> 'WAITING'
                and exists (
                    select from {{ this }} as known
                    where
                        known.message_key = new_reports.message_key
                        and known.part_no = new_reports.part_no
                        and known.state not in ('WAITING', new_reports.state)
                        and {{ is_standing('known') }}
                        and not {{ is_withdrawn('known', 'sms_report') }}
                )
                then 'CONTRADICTS'
        end as problem,
        new_reports.source_file,
        new_reports.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from new_reports
    cross join run
    left join {{ ref('messages') }} as messages
        on
            new_reports.message_key = messages.message_key
            and messages.channel = 'sms'
            and messages.fate = 'sent'
            and run.business_date > messages.run_on
)

select * from final
