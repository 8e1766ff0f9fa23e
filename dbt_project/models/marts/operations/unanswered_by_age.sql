-- What left before this date and has no answer, by its age in days. What was asked for again and has left once more is
-- counted there, what was given up is counted nowhere.
with run as (
    select * from {{ ref('stg_run__current') }}
),

unanswered as (
    select files.*
    from {{ ref('stg_outbox__files') }} as files
    inner join run on files.run_on < run.business_date
    left join {{ ref('stg_carrier__answers') }} as answers on files.file_stem = answers.file_stem
    where answers.file_stem is null
),

spoken as materialized (
    select
        words.file_stem,
        words.line_no
    from {{ ref('int_outbox__words') }} as words
    where
        words.kind = 'GIVE_UP'
        or exists (
            select from {{ ref('stg_outbox__items') }} as later
            where
                (
                    later.item_key = words.item_key
                    or (
                        words.interface = 'eligibility'
                        and later.interface = 'eligibility'
                        and later.subscriber_id = words.subscriber_id
                        and later.campaign_id = words.campaign_id
                    )
                )
                and (later.run_on, later.file_stem) > (words.run_on, words.file_stem)
        )
),

final as (
    select
        items.campaign_id,
        items.interface,
        coalesce(items.benefit, 'NONE') as benefit,
        items.run_on as sent_on,
        run.business_date - items.run_on as age_days,
        count(distinct items.file_stem) as files,
        count(*) as rows,
        coalesce(sum(items.amount_fen), 0)::bigint as amount_fen,
        coalesce(sum(items.committed_fen), 0)::bigint as committed_fen,
        coalesce(sum(items.liability_fen), 0)::bigint as liability_fen
    from unanswered
    inner join {{ ref('stg_outbox__items') }} as items on unanswered.file_stem = items.file_stem
    cross join run
    left join spoken on items.file_stem = spoken.file_stem and items.line_no = spoken.line_no
    where spoken.file_stem is null
    group by items.campaign_id, items.interface, items.benefit, items.run_on, run.business_date
)

select * from final
