-- Lines that left and about which somebody has said a word. Of several words about a line giving it up stands, else the
-- first: what was asked for again leaves under another line, which can be spoken about anew.
select distinct on (items.file_stem, items.line_no)
    items.*,
    words.kind,
    words.row_key is null as is_whole_file,
    words.said_by,
    words.said_at,
    words.why,
    words.counts_from
from {{ ref('stg_people__words') }} as words
inner join {{ ref('stg_outbox__items') }} as items
    on words.file_stem = items.file_stem and (words.row_key is null or words.row_key = items.answer_key)
where
    words.state = 'LOADED'
    and words.kind in ('ASK_AGAIN', 'GIVE_UP')
    -- a word about a whole file says nothing about a line of it that had gone again before
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            later.item_key = items.item_key
            and (later.run_on, later.file_stem) > (items.run_on, items.file_stem)
            and later.run_on < words.counts_from
    )
order by items.file_stem asc, items.line_no asc, words.kind desc, words.word_no asc
