-- Tests of systems, each once by its record: the first row stands.
select distinct on (records.record_id)
    records.record_id,
    records.content_hash,
    records.system,
    records.test_kind,
    records.tested_at,
    records.result,
    records.report_ref,
    deliveries.file_name as source_file,
    records.line_no as source_line
from {{ ref('stg_system_test__records') }} as records
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on records.delivery_no = deliveries.delivery_no
order by records.record_id, deliveries.received_on, deliveries.business_date, deliveries.seq, records.line_no
