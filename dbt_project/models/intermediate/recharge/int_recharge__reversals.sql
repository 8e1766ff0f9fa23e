-- What is reversed, by the first reversal that may (rules, 4.8): a part of the amount reverses the whole benefit. One
-- that was withdrawn, and ended by that, reverses nothing.
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
from {{ ref('int_recharge__judged_reversals') }} as judged
where
    verdict = 'REVERSES'
    and not exists (
        select from {{ ref('int_recharge__judged_reversals') }} as ended
        where
            ended.verdict = 'ENDED'
            and ended.reversal_id = judged.reversal_id
            and (ended.run_on, ended.pass_no) > (judged.run_on, judged.pass_no)
    )
