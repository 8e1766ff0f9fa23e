-- what the gate refused, one row per attempt
select
    business_date,
    attempt_no,
    count(*) as checks_failed,
    string_agg(relation || ': expected that ' || expectation, '; ' order by relation, expectation) as detail
from {{ source('raw', 'release_check') }}
where not success
group by business_date, attempt_no
