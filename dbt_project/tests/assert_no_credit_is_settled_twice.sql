-- A key is credited, accepted or recovered at most once, however often it was sent.
select
    settlements.grant_key,
    count(*) as settlements
from {{ ref('ledger_settlements') }} as settlements
inner join {{ ref('stg_run__current') }} as run on settlements.business_date = run.business_date
inner join {{ ref('ledger_settlements') }} as others
    on settlements.grant_key = others.grant_key and settlements.entry_key <> others.entry_key
where
    settlements.entry_type in ('credited', 'accepted', 'recovered')
    and others.entry_type in ('credited', 'accepted', 'recovered')
group by settlements.grant_key
