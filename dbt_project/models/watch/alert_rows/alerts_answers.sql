-- Files that the carrier has not answered in time, and answers that were quarantined.
with received as (
    select distinct on (file_stem) *
    from {{ ref('stg_carrier__answers_received') }}
    order by file_stem asc, answer_no desc
)

select
    files.campaign_id,
    'FILE_UNANSWERED' as alert_code,
    files.file_stem as place,
    files.row_count || ' rows were sent and are unanswered' as what,
    files.business_date + 1 + terms.unanswered_days + time '00:00' as since_at -- sent in the morning after its date
from {{ ref('stg_outbox__files') }} as files
cross join {{ ref('stg_run__clock') }} as clock
inner join {{ ref('stg_campaign__watch') }} as terms
    on
        files.campaign_id = terms.campaign_id
        and files.business_date >= terms.valid_from
        and files.business_date < terms.valid_until
left join {{ ref('stg_carrier__answers') }} as answers on files.file_stem = answers.file_stem
where
    files.delivered_at is not null
    and answers.file_stem is null
    -- a row left that nobody has asked for again or given up
    and files.row_count > (
        select count(*) from {{ ref('int_outbox__manual_overrides') }} as overrides
        where overrides.file_stem = files.file_stem
    )
    and files.business_date + 1 + terms.unanswered_days <= clock.as_of::date

union all

select
    null::text as campaign_id,
    'ANSWER_SET_ASIDE' as alert_code,
    received.file_stem as place,
    received.reason || coalesce(': ' || received.detail, '') as what,
    received.received_on + time '00:00' as since_at
from received
where received.state = 'SET_ASIDE'
