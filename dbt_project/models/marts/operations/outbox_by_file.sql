-- Every file of an earlier date, with the carrier's answer; unanswered money is what was sent and is still open.
-- One of this date is delivered after this is built: a second pass would show it as not delivered until the next date.
with items as (
    select
        file_stem,
        count(*) as row_count,
        sum(amount_fen)::bigint as amount_fen,
        count(*) filter (where outcome = 'ACCEPTED') as rows_accepted,
        count(*) filter (where outcome in ('REFUSED', 'RETRY')) as rows_refused,
        max(file_status) as file_status,
        max(answered_on) as answered_on
    from {{ ref('int_outbox__outcomes') }}
    group by file_stem
),

final as (
    select
        files.file_stem,
        files.interface,
        files.run_on,
        items.row_count as rows,
        items.amount_fen,
        coalesce(
            items.file_status,
            case when files.delivered_at is null then 'NOT_DELIVERED' else 'UNANSWERED' end
        ) as status,
        items.rows_accepted,
        items.rows_refused,
        items.answered_on
    from {{ ref('stg_outbox__files') }} as files
    inner join items on files.file_stem = items.file_stem
    inner join {{ ref('stg_run__current') }} as run on files.run_on < run.business_date
)

select * from final
