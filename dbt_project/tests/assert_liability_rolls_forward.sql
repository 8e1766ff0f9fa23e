-- Opening + promised - credited - forfeited - cancelled - given up + clawed back = closing, and each month opens as the
-- last one closed.
with months as (
    select
        *,
        lag(closing_fen, 1, 0::bigint) over (partition by campaign_id order by month) as closed_before_fen
    from {{ ref('liability_by_month') }}
)

select
    campaign_id,
    month,
    opening_fen,
    closing_fen,
    closed_before_fen
from months
where
    opening_fen + promised_fen - credited_fen - forfeited_fen - cancelled_fen - given_up_fen + clawed_back_fen
    <> closing_fen
    or opening_fen <> closed_before_fen
    or closing_fen < 0
