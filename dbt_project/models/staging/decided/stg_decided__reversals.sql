-- reversals as earlier runs judged them
select
    recharge_id,
    reversal_id,
    verdict,
    subscriber_id,
    amount_fen,
    recharge_fen,
    reversed_at,
    reversed_on,
    file_business_date,
    source_file,
    source_line,
    seen_on,
    business_date,
    attempt_no
from {{ source('known', 'int_recharge__judged_reversals') }}
