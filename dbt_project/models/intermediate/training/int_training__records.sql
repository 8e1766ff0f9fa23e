-- Trainings, each once by its record: the first row counts.
select distinct on (records.record_id)
    records.*,
    deliveries.file_name as source_file,
    records.line_no as source_line
from {{ ref('stg_training__records') }} as records
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on records.delivery_no = deliveries.delivery_no
order by records.record_id, deliveries.received_on, deliveries.business_date, deliveries.seq, records.line_no
