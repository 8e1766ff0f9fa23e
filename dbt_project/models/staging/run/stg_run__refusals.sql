-- what the gate refused, one row a pass
select
    business_date,
    pass_no,
    count(*) as checks_failed,
    string_agg(relation || ': expected that ' || expectation, '; ' order by relation, expectation) as detail
from {{ source('raw', 'release_check') }}
where not success
group by business_date, pass_no
