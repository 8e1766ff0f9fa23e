-- what people have said: ask again, give up, choose, waive, withdraw; a word set aside counts for nothing
select
    word_no,
    file_name,
    kind,
    file_stem,
    row_key,
    recharge_id,
    source_file,
    source_line,
    readiness_line,
    feed,
    said_by,
    said_at,
    why,
    confirmed_by,
    confirmed_at,
    state,
    reason,
    detail,
    received_on as counts_from
from {{ source('raw', 'word') }}
