-- rows that repeat an id with the same content: counted, ignored (rules, 4.10)
{{ config(materialized='append_only') }}

select
    events.recharge_id,
    deliveries.file_name as source_file,
    events.line_no as source_line,
    first_rows.source_file as first_file,
    first_rows.source_line as first_line
from {{ ref('stg_recharge__events') }} as events
inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries on events.delivery_no = deliveries.delivery_no
cross join {{ ref('stg_run__current') }} as run
inner join {{ ref('int_recharge__events') }} as first_rows
    on events.recharge_id = first_rows.recharge_id and events.content_hash = first_rows.content_hash
where
    -- by number, so that a day reads only its own rows
    events.delivery_no = any(
        array(
            select arrived.delivery_no
            from {{ ref('int_carrier__deliveries_to_read') }} as arrived
            where arrived.feed = 'recharge'
        )
    )
    and (deliveries.file_name, events.line_no) is distinct from (first_rows.source_file, first_rows.source_line)
    and not exists (
        select from {{ this }} as known
        where
            known.source_file = deliveries.file_name
            and known.source_line = events.line_no
            and {{ is_current('known') }}
    )
