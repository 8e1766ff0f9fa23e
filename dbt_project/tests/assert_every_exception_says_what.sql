-- Nothing that people have to look at is empty (rules, 12): each says what, and what to do.
select
    exception_type,
    item_key
from {{ ref('exceptions') }}
where coalesce(trim(detail), '') = '' or coalesce(trim(what_to_do), '') = '' or found_on is null
