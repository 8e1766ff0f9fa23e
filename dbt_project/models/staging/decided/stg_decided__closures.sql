-- how promises ended, or were kept waiting, in earlier runs
select
    entry_key,
    entry_type,
    changes_key,
    business_date,
    attempt_no
from {{ source('decided', 'ledger_closures') }}
