-- What the carrier refused, and what was paid after its promise had ended.
select
    rejections.campaign_id,
    'REFUSED_BY_CARRIER' as exception_type,
    rejections.answered_on as found_on,
    rejections.subscriber_id,
    rejections.item_key,
    rejections.amount_fen,
    rejections.file_stem as source_file,
    rejections.line_no::bigint as source_line,
    rejections.interface || ' refused with code ' || coalesce(rejections.code, 'none') as detail,
    case rejections.outcome
        when 'RETRY' then 'Nothing: the row is sent again under the same key.'
        else
            'Mend the cause; an instalment goes again once the subscriber feed shows a change, or by a manual override.'
    end as what_to_do
from {{ ref('int_outbox__rejections') }} as rejections
where not rejections.is_asked and not rejections.is_incomplete

union all

select
    settlements.campaign_id,
    'PAID_AFTER_END' as exception_type,
    settlements.business_date as found_on,
    settlements.subscriber_id,
    settlements.grant_key as item_key,
    settlements.amount_fen,
    settlements.source_file,
    settlements.source_line,
    settlements.entry_type || ' after it had been given up, refused, cancelled or forfeited' as detail,
    'It is booked as cost. Recover it by hand where it was not due.' as what_to_do
from {{ ref('ledger_settlements') }} as settlements
where settlements.actual_fen <> 0 and settlements.committed_fen = 0
