-- The instalments promised in this run sum to the bonus, to the fen, in as many parts as the tier says.
select
    decisions.recharge_id,
    decisions.bonus_fen,
    sum(obligations.amount_fen) as promised_fen
from {{ ref('recharge_decisions') }} as decisions
inner join {{ ref('stg_run__current') }} as run on decisions.business_date = run.business_date
left join {{ ref('credit_obligations') }} as obligations
    on
        decisions.campaign_id = obligations.campaign_id
        and decisions.life_id = obligations.life_id
        and obligations.promised_for = 'RECHARGE'
        and obligations.kind = 'INSTALMENT'
where
    decisions.reason = 'GRANTED'
    -- a grant that waits for the budget is promised when there is room
    and decisions.grant_key not in (
        select waits.grant_key from {{ ref('waiting_list') }} as waits
        where waits.funded_on is null
    )
group by decisions.campaign_id, decisions.recharge_id, decisions.bonus_fen, decisions.instalments
having
    coalesce(sum(obligations.amount_fen), 0) <> decisions.bonus_fen
    or count(obligations.grant_key) <> decisions.instalments
    or min(obligations.amount_fen) <= 0
