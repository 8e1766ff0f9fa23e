-- What is reversed, by the first reversal that may (rules, 4.8): a part of the amount reverses the whole benefit. One
-- that was withdrawn, and ended by that, reverses nothing.
select judged.*
from {{ ref('int_recharge__judged_reversals') }} as judged
where
    judged.verdict = 'REVERSES'
    and not exists (
        select from {{ ref('int_recharge__judged_reversals') }} as ended
        where
            ended.verdict = 'ENDED'
            and ended.reversal_id = judged.reversal_id
            and (ended.business_date, ended.attempt_no) > (judged.business_date, judged.attempt_no)
    )
