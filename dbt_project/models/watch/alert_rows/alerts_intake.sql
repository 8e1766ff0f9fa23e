-- Files and rows that were set aside, until a later good file mends them: one of the same date or, of a snapshot, of a
-- later one.
with set_aside as (
    select distinct on (feed, file_name) *
    from {{ ref('stg_carrier__files') }}
    where rows_set_aside > 0 or state = 'SET_ASIDE'
    order by feed asc, file_name asc, delivery_no desc
)

select
    null::text as campaign_id,
    case when set_aside.state = 'SET_ASIDE' then 'FILE_SET_ASIDE' else 'ROWS_SET_ASIDE' end as alert_code,
    set_aside.file_name as place,
    case
        when set_aside.state = 'SET_ASIDE' then set_aside.reason || coalesce(': ' || set_aside.detail, '')
        else set_aside.rows_set_aside || ' of ' || set_aside.rows_received || ' rows were set aside'
    end as what,
    set_aside.received_on + time '00:00' as since_at
from set_aside
inner join {{ ref('stg_carrier__feeds') }} as feeds on set_aside.feed = feeds.feed
where
    not exists (
        select from {{ ref('stg_carrier__files') }} as mended
        where
            mended.feed = set_aside.feed
            and mended.delivery_no > set_aside.delivery_no
            and mended.state = 'LOADED'
            and (
                mended.business_date = set_aside.business_date
                or (feeds.is_snapshot and mended.business_date > set_aside.business_date)
            )
    )
