-- Each model's key is unique by its constraint; this proves that no two models make the same key in one run.
select entries.entry_key
from {{ ref('ledger_entries') }} as entries
inner join {{ ref('stg_run__current') }} as run on entries.booked_on = run.business_date
group by entries.entry_key
having count(*) > 1
