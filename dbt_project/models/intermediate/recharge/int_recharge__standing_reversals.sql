-- Reversals of a recharge, or of a further part of it, that earlier runs judged valid and that have not ended.
select known.*
from {{ ref('stg_decided__reversals') }} as known
cross join {{ ref('stg_run__current') }} as run
where
    known.verdict in ('REVERSES', 'FURTHER_PART')
    and {{ is_current('known') }}
    and not exists (
        select from {{ ref('stg_decided__reversals') }} as ended
        where
            ended.verdict = 'ENDED'
            and ended.reversal_id = known.reversal_id
            and (ended.business_date, ended.attempt_no) > (known.business_date, known.attempt_no)
            and {{ is_current('ended') }}
    )
