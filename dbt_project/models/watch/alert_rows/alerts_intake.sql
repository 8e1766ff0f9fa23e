-- Files and rows that were quarantined, until a later good file replaces them: one of the same date or, of a snapshot,
-- of a later one.
with quarantined as (
    select distinct on (feed, file_name) *
    from {{ ref('stg_carrier__files') }}
    where rows_quarantined > 0 or state = 'SET_ASIDE'
    order by feed asc, file_name asc, delivery_no desc
)

select
    null::text as campaign_id,
    case when quarantined.state = 'SET_ASIDE' then 'FILE_SET_ASIDE' else 'ROWS_SET_ASIDE' end as alert_code,
    quarantined.file_name as place,
    case
        when quarantined.state = 'SET_ASIDE' then quarantined.reason || coalesce(': ' || quarantined.detail, '')
        else quarantined.rows_quarantined || ' of ' || quarantined.rows_received || ' rows were quarantined'
    end as what,
    quarantined.received_on + time '00:00' as since_at
from quarantined
inner join {{ ref('stg_carrier__feeds') }} as feeds on quarantined.feed = feeds.feed
where
    not exists (
        select from {{ ref('stg_carrier__files') }} as mended
        where
            mended.feed = quarantined.feed
            and mended.delivery_no > quarantined.delivery_no
            and mended.state = 'LOADED'
            and (
                mended.business_date = quarantined.business_date
                or (feeds.is_snapshot and mended.business_date > quarantined.business_date)
            )
    )
