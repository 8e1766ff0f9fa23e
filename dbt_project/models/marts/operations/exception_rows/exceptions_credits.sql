-- Credits that were forfeited, and those that could not be recovered.
select
    settlements.campaign_id,
    'CLAWBACK_LEAKED' as exception_type,
    settlements.business_date as found_on,
    settlements.subscriber_id,
    settlements.grant_key as item_key,
    settlements.amount_fen,
    settlements.source_file,
    settlements.source_line,
    'could not be recovered: ' || coalesce(settlements.reason, 'no code') as detail,
    'Book as leakage, or recover by hand.' as what_to_do
from {{ ref('ledger_settlements') }} as settlements
where settlements.entry_type = 'leaked'

union all

select
    closures.campaign_id,
    'INSTALMENT_FORFEITED' as exception_type,
    closures.business_date as found_on,
    closures.subscriber_id,
    closures.grant_key as item_key,
    closures.amount_fen,
    closures.source_file,
    closures.source_line,
    closures.reason as detail,
    'Give the subscriber notice of the amount lost.' as what_to_do
from {{ ref('ledger_closures') }} as closures
where closures.entry_type = 'forfeited'
