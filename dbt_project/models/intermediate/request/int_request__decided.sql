-- Decisions of earlier runs on each request that still hold: not those of a dead attempt, which are about to be
-- replaced, and not those on a row withdrawn since.
select decided.* -- noqa: AM04
from {{ ref('stg_decided__requests') }} as decided
cross join {{ ref('stg_run__current') }} as run
where
    {{ is_current('decided') }}
    and not exists (
        select from {{ ref('int_request__voids') }} as voids
        where
            voids.request_id = decided.request_id
            and voids.feed = decided.feed
            and (decided.business_date, decided.attempt_no) < (voids.business_date, voids.attempt_no)
    )
