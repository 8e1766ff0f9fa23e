-- The carrier's reports on each segment of an SMS (rules, 8), each once, and what is wrong with it. Of a report with
-- other content the first row counts (rules, 12); a failure and a delivery of one segment are two reports: both count.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['message_key']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

known as not materialized (
    select known.*
    from {{ this }} as known
    cross join run
    where {{ is_current('known') }} and not {{ is_withdrawn('known', 'sms_report') }}
),

received as (
    select distinct on (reports.report_id)
        reports.*,
        deliveries.file_name as source_file,
        reports.line_no as source_line
    from {{ ref('stg_sms_report__segments') }} as reports
    inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries
        on reports.delivery_no = deliveries.delivery_no and deliveries.feed = 'sms_report'
    order by reports.report_id, deliveries.business_date, deliveries.seq, reports.line_no
),

new_reports as (
    select
        received.*,
        -- the final state of a segment: it has only one
        count(*) filter (where received.state = 'DELIVERED') over segment > 0 as is_delivered,
        count(*) filter (where received.state = 'FAILED') over segment > 0 as is_failed
    from received
    where
        not exists (
            select from known
            where known.report_id = received.report_id
        )
    window segment as (partition by received.message_key, received.segment_no)
),

final as (
    select
        new_reports.*,
        case
            when messages.message_key is null then 'UNKNOWN_MESSAGE'
            when new_reports.segments <> messages.segments or new_reports.segment_no > messages.segments
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
                    select from known
                    where
                        known.message_key = new_reports.message_key
                        and known.segment_no = new_reports.segment_no
                        and known.state not in ('WAITING', new_reports.state)
                )
                then 'CONTRADICTS'
        end as problem
    from new_reports
    cross join run
    left join {{ ref('messages') }} as messages
        on
            new_reports.message_key = messages.message_key
            and messages.channel = 'sms'
            and messages.fate = 'sent'
            and run.business_date > messages.business_date
)

select * from final
