-- Every file of an earlier date, with the carrier's answer; unanswered money is what was sent and is still open.
-- One of this date is delivered after this is built: a second attempt would show it as not delivered until the next
-- date.
with overrides as (
    select
        file_stem,
        count(*) filter (where kind = 'ASK_AGAIN') as rows_asked_again,
        count(*) filter (where kind = 'GIVE_UP') as rows_given_up
    from {{ ref('int_outbox__manual_overrides') }}
    group by file_stem
),

items as (
    select
        file_stem,
        count(*) as row_count,
        sum(amount_fen)::bigint as amount_fen,
        count(*) filter (where outcome in ('ACCEPTED', 'DUPLICATE')) as rows_accepted,
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
        files.business_date,
        items.row_count as rows,
        items.amount_fen,
        coalesce(
            items.file_status,
            case when files.delivered_at is null then 'NOT_DELIVERED' else 'UNANSWERED' end
        ) as status,
        items.rows_accepted,
        items.rows_refused,
        items.answered_on,
        coalesce(overrides.rows_asked_again, 0) as rows_asked_again,
        coalesce(overrides.rows_given_up, 0) as rows_given_up
    from {{ ref('stg_outbox__files') }} as files
    inner join items on files.file_stem = items.file_stem
    inner join {{ ref('stg_run__current') }} as run on files.business_date < run.business_date
    left join overrides on files.file_stem = overrides.file_stem
)

select * from final
