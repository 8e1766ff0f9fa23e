-- Reversed recharges, by the first valid reversal (rules, 4.8): a part of the amount reverses the whole benefit. A
-- reversal that a withdrawal has ended reverses nothing.
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
