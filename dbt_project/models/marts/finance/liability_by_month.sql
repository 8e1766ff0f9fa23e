-- Unpaid instalments: opening + promised - credited - forfeited - cancelled - given up + clawed back = closing. An
-- instalment clawed back had been credited: the payment is undone (clawed back) and the promise ends (cancelled).
with movements as (
    select
        campaign_id,
        date_trunc('month', booked_on)::date as month,
        coalesce(sum(liability_fen) filter (where entry_type = 'promised'), 0) as promised_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'credited'), 0) as credited_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'forfeited'), 0) as forfeited_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'cancelled'), 0) as cancelled_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'given_up'), 0) as given_up_fen,
        coalesce(sum(liability_fen) filter (where entry_type = 'clawed_back'), 0) as clawed_back_fen
    from {{ ref('ledger_entries') }}
    where benefit = 'RECHARGE_BONUS'
    group by campaign_id, date_trunc('month', booked_on)
),

-- every month from the first promise to the month of this run, also those in which nothing moved
months as (
    select
        spans.campaign_id,
        series.month::date as month
    from (
        select
            movements.campaign_id,
            min(movements.month) as first_month,
            greatest(max(movements.month), date_trunc('month', max(run.business_date))::date) as last_month
        from movements
        cross join {{ ref('stg_run__current') }} as run
        group by movements.campaign_id
    ) as spans
    cross join lateral generate_series(spans.first_month, spans.last_month, interval '1 month') as series (month)
),

filled as (
    select
        months.campaign_id,
        months.month,
        coalesce(movements.promised_fen, 0)::bigint as promised_fen,
        coalesce(movements.credited_fen, 0)::bigint as credited_fen,
        coalesce(movements.forfeited_fen, 0)::bigint as forfeited_fen,
        coalesce(movements.cancelled_fen, 0)::bigint as cancelled_fen,
        coalesce(movements.given_up_fen, 0)::bigint as given_up_fen,
        coalesce(movements.clawed_back_fen, 0)::bigint as clawed_back_fen
    from months
    left join movements on months.campaign_id = movements.campaign_id and months.month = movements.month
),

running as (
    select
        filled.*,
        sum(
            filled.promised_fen - filled.credited_fen - filled.forfeited_fen
            - filled.cancelled_fen - filled.given_up_fen + filled.clawed_back_fen
        ) over (
            partition by filled.campaign_id order by filled.month
        )::bigint as closing_fen
    from filled
),

final as (
    select
        campaign_id,
        month,
        coalesce(lag(closing_fen) over (partition by campaign_id order by month), 0)::bigint as opening_fen,
        promised_fen,
        credited_fen,
        forfeited_fen,
        cancelled_fen,
        given_up_fen,
        clawed_back_fen,
        closing_fen
    from running
)

select * from final
