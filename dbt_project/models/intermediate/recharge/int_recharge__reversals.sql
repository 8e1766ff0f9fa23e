-- What was reversed, by the first reversal that may (rules, 4.8): a part of the amount reverses the whole benefit.
select
    recharge_id,
    reversal_id,
    subscriber_id,
    reversed_at,
    reversed_on,
    file_business_date,
    source_file,
    source_line,
    seen_on,
    run_on,
    pass_no
from {{ ref('int_recharge__judged_reversals') }}
where verdict = 'REVERSES'
