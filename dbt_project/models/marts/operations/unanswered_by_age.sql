-- Rows that left before this date and have no answer, by age in days. A row that was asked for again counts in the file
-- in which it left again, one that was given up nowhere.
with run as (
    select * from {{ ref('stg_run__current') }}
),

unanswered as (
    select files.*
    from {{ ref('stg_outbox__files') }} as files
    inner join run on files.business_date < run.business_date
    left join {{ ref('stg_carrier__answers') }} as answers on files.file_stem = answers.file_stem
    where answers.file_stem is null
),

overridden as materialized (
    select
        overrides.file_stem,
        overrides.line_no
    from {{ ref('int_outbox__manual_overrides') }} as overrides
    where
        overrides.kind = 'GIVE_UP'
        or exists (
            select from {{ ref('stg_outbox__items') }} as later
            where
                (
                    later.item_key = overrides.item_key
                    or (
                        overrides.interface = 'eligibility'
                        and later.interface = 'eligibility'
                        and later.subscriber_id = overrides.subscriber_id
                        and later.campaign_id = overrides.campaign_id
                    )
                )
                and (later.business_date, later.file_stem) > (overrides.business_date, overrides.file_stem)
        )
),

final as (
    select
        items.campaign_id,
        items.interface,
        coalesce(items.benefit, 'NONE') as benefit,
        items.business_date as sent_on,
        run.business_date - items.business_date as age_days,
        count(distinct items.file_stem) as files,
        count(*) as rows,
        coalesce(sum(items.amount_fen), 0)::bigint as amount_fen,
        coalesce(sum(items.committed_fen), 0)::bigint as committed_fen,
        coalesce(sum(items.liability_fen), 0)::bigint as liability_fen
    from unanswered
    inner join {{ ref('stg_outbox__items') }} as items on unanswered.file_stem = items.file_stem
    cross join run
    left join overridden on items.file_stem = overridden.file_stem and items.line_no = overridden.line_no
    where overridden.file_stem is null
    group by items.campaign_id, items.interface, items.benefit, items.business_date, run.business_date
)

select * from final
