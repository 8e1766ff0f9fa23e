-- What ends a promised credit: its recharge was reversed, its device returned, or the decided row withdrawn.
select
    case feed when 'recharge' then 'RECHARGE' else 'DEVICE' end as promised_for,
    request_id as recharge_id,
    life_id,
    undone_by as reversal_id,
    undone_on as reversed_on,
    case when is_withdrawal then reason else 'REVERSED' end as reason,
    source_file,
    source_line,
    seen_on
from {{ ref('int_request__undone') }}
where feed in ('recharge', 'device_order')
