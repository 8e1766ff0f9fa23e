-- Answers to the survey, each once by its number: the first row counts.
select distinct on (responses.response_id)
    responses.*,
    deliveries.file_name as source_file,
    responses.line_no as source_line
from {{ ref('stg_survey__responses') }} as responses
inner join {{ ref('stg_carrier__deliveries') }} as deliveries on responses.delivery_no = deliveries.delivery_no
order by responses.response_id, deliveries.received_on, deliveries.business_date, deliveries.seq, responses.line_no
