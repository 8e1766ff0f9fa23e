-- The last closing balance is the sum of the instalments that are neither credited, forfeited, cancelled nor given up.
with open_instalments as (
    select
        obligations.campaign_id,
        sum(obligations.amount_fen) as open_fen
    from {{ ref('credit_obligations') }} as obligations
    where
        obligations.kind = 'INSTALMENT'
        and not exists (
            select from {{ ref('ledger_closures') }} as closures
            where closures.changes_key = obligations.grant_key and closures.entry_type in ('cancelled', 'forfeited')
        )
        and not exists (
            select from {{ ref('ledger_settlements') }} as settlements
            where settlements.grant_key = obligations.grant_key and settlements.entry_type in ('credited', 'given_up')
        )
    group by obligations.campaign_id
),

closing as (
    select distinct on (campaign_id)
        campaign_id,
        closing_fen
    from {{ ref('liability_by_month') }}
    order by campaign_id asc, month desc
)

select
    closing.campaign_id,
    closing.closing_fen,
    open_instalments.open_fen
from closing
full outer join open_instalments on closing.campaign_id = open_instalments.campaign_id
where coalesce(closing.closing_fen, 0) <> coalesce(open_instalments.open_fen, 0)
