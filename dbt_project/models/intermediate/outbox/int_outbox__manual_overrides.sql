-- Lines that left and that have a manual override. Of several for one line GIVE_UP counts, else the first: a row asked
-- for again leaves as another line, which may get an override of its own.
select distinct on (items.file_stem, items.line_no)
    items.*,
    overrides.kind,
    overrides.row_key is null as is_whole_file,
    overrides.requested_by,
    overrides.requested_at,
    overrides.justification,
    overrides.counts_from
from {{ ref('stg_people__manual_overrides') }} as overrides
inner join {{ ref('stg_outbox__items') }} as items
    on overrides.file_stem = items.file_stem and (overrides.row_key is null or overrides.row_key = items.answer_key)
where
    overrides.state = 'LOADED'
    and overrides.kind in ('ASK_AGAIN', 'GIVE_UP')
    -- an override of a whole file does not touch a line that had been sent again before
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            later.item_key = items.item_key
            and (later.business_date, later.file_stem) > (items.business_date, items.file_stem)
            and later.business_date < overrides.counts_from
    )
order by items.file_stem asc, items.line_no asc, overrides.kind desc, overrides.override_no asc
