-- No customer of the control group gets anything, on request or automatically.
select entries.subscriber_id
from {{ ref('ledger_entries') }} as entries
inner join {{ ref('stg_run__current') }} as run on entries.booked_on = run.business_date
inner join {{ ref('int_holdout__customers') }} as holdouts
    on entries.campaign_id = holdouts.campaign_id and entries.customer_id = holdouts.customer_id and holdouts.is_control
where entries.participation in ('ASKED', 'AUTOMATIC')
