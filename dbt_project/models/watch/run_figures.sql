-- What each attempt found, counted while it decided. Kept, since the marts show only the last release, and since views
-- can depend on it: this table is never rebuilt.
{{ config(materialized='append_only') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

granted as (
    select
        entries.campaign_id,
        'granted_rows' as figure,
        entries.benefit as member,
        count(*) as amount,
        null::date as since_on
    from {{ ref('ledger_entries') }} as entries
    inner join run on entries.booked_on = run.business_date
    where entries.entry_type in ('promised', 'granted')
    group by entries.campaign_id, entries.benefit
),

-- always a row, so that an attempt which found nothing differs from one that never ran
owed as (
    select
        campaigns.campaign_id,
        'owed_fen' as figure,
        'RECHARGE_BONUS' as member,
        coalesce(sum(liability.closing_fen), 0)::bigint as amount,
        null::date as since_on
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join run
    left join {{ ref('liability_by_month') }} as liability
        on campaigns.campaign_id = liability.campaign_id and liability.month = date_trunc('month', run.business_date)
    group by campaigns.campaign_id
),

committed as (
    select
        campaign_id,
        sum(committed_fen)::bigint as committed_fen
    from {{ ref('budget_by_line_month') }}
    where budget_line = 'TOTAL'
    group by campaign_id
),

unanswered as (
    select
        campaign_id,
        sum(amount_fen)::bigint as amount_fen
    from {{ ref('unanswered_by_age') }}
    where interface = 'credit'
    group by campaign_id
),

-- promised and neither paid nor ended, and unanswered credits: while there are any, runs continue
still_open as (
    select
        campaigns.campaign_id,
        'open_fen' as figure,
        'ALL' as member,
        coalesce(committed.committed_fen, 0) + coalesce(unanswered.amount_fen, 0) as amount,
        null::date as since_on
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    left join committed on campaigns.campaign_id = committed.campaign_id
    left join unanswered on campaigns.campaign_id = unanswered.campaign_id
),

over_plan as (
    select
        budget.campaign_id,
        'over_plan_fen' as figure,
        budget.budget_line as member,
        -budget.variance_fen as amount,
        run.business_date as since_on
    from {{ ref('budget_by_line_month') }} as budget
    inner join run on budget.month = date_trunc('month', run.business_date)
    where budget.variance_fen < 0 and budget.budget_line <> 'TOTAL'
),

waiting as (
    select
        campaign_id,
        lower(exception_type) || '_rows' as figure,
        source_file as member,
        count(*) as amount,
        min(found_on) as since_on
    from {{ ref('exceptions') }}
    where exception_type in ('ORPHAN_REVERSAL', 'RECHARGE_CONFLICT')
    group by campaign_id, exception_type, source_file
),

low_stock as (
    select
        stock.campaign_id,
        'low_card_stock_codes' as figure,
        stock.platform as member,
        stock.codes_free as amount,
        run.business_date as since_on
    from {{ ref('card_stock_by_platform') }} as stock
    cross join run
    where stock.is_low
),

figures as (
    select * from granted
    union all
    select * from owed
    union all
    select * from still_open
    union all
    select * from over_plan
    union all
    select * from waiting
    union all
    select * from low_stock
),

final as (
    select
        {{ content_key([
            'run.business_date', 'run.attempt_no', 'figures.campaign_id', 'figures.figure', 'figures.member'
        ]) }} as figure_key,
        figures.campaign_id,
        figures.figure,
        figures.member,
        figures.amount,
        figures.since_on,
        run.business_date,
        run.attempt_no
    from figures
    cross join run
)

select * from final
