-- What the carrier refused, and what was paid after its promise had ended.
select
    setbacks.campaign_id,
    'REFUSED_BY_CARRIER' as exception_type,
    setbacks.answered_on as found_on,
    setbacks.subscriber_id,
    setbacks.item_key,
    setbacks.amount_fen,
    setbacks.file_stem as source_file,
    setbacks.line_no::bigint as source_line,
    setbacks.interface || ' refused with code ' || coalesce(setbacks.code, 'none') as detail,
    case setbacks.outcome
        when 'RETRY' then 'Nothing: the row is sent again under the same key.'
        else 'Mend the cause; an instalment goes again once the subscriber feed shows a change, or by your word.'
    end as what_to_do
from {{ ref('int_outbox__setbacks') }} as setbacks
where not setbacks.is_asked and not setbacks.is_held

union all

select
    settlements.campaign_id,
    'PAID_AFTER_END' as exception_type,
    settlements.run_on as found_on,
    settlements.subscriber_id,
    settlements.grant_key as item_key,
    settlements.amount_fen,
    settlements.source_file,
    settlements.source_line,
    settlements.entry_type || ' after it had been given up, refused, cancelled or forfeited' as detail,
    'It is booked as cost. Recover it by hand where it was not due.' as what_to_do
from {{ ref('ledger_settlements') }} as settlements
where settlements.actual_fen <> 0 and settlements.committed_fen = 0
