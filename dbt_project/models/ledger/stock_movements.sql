-- Movements of gifts and materials, each once, decided in the run that first sees it, in the order of time, then
-- movement: one that would take the stock of its hall below zero is quarantined and counts for nothing (rules, 11).
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['item', 'item_kind', 'hall_code']}],
) }}

with recursive known as not materialized (
    select known.*
    from {{ this }} as known
    cross join {{ ref('stg_run__current') }} as run
    where {{ is_current('known') }} and not {{ is_withdrawn('known', 'stock_movement') }}
),

arrived as (
    select distinct on (movements.movement_id)
        movements.*,
        deliveries.file_name as source_file,
        movements.line_no as source_line
    from {{ ref('stg_stock_movement__movements') }} as movements
    inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries
        on movements.delivery_no = deliveries.delivery_no and deliveries.feed = 'stock_movement'
    where
        not exists (
            select from known
            where known.movement_id = movements.movement_id
        )
    order by movements.movement_id, deliveries.business_date, deliveries.seq, movements.line_no
),

opening as (
    select
        known.item,
        known.item_kind,
        known.hall_code,
        -- what went out before its receipt was withdrawn had been there
        greatest(sum(known.quantity), 0) as on_hand
    from known
    where
        known.reason = 'COUNTED'
        and (known.item, known.item_kind, known.hall_code) in (
            select
                arrived.item,
                arrived.item_kind,
                arrived.hall_code
            from arrived
        )
    group by known.item, known.item_kind, known.hall_code
),

numbered as materialized (
    select
        arrived.*,
        coalesce(opening.on_hand, 0)::bigint as opening_on_hand,
        row_number() over (
            partition by arrived.item, arrived.item_kind, arrived.hall_code
            order by arrived.moved_at, arrived.movement_id
        ) as ordinal
    from arrived
    left join opening
        on
            arrived.item = opening.item
            and arrived.item_kind = opening.item_kind
            and arrived.hall_code = opening.hall_code
),

-- one after another, since what is quarantined leaves its place to the next
walked as (
    select
        first_of_each.*,
        first_of_each.opening_on_hand + first_of_each.quantity >= 0 as is_counted,
        case
            when first_of_each.opening_on_hand + first_of_each.quantity >= 0
                then first_of_each.opening_on_hand + first_of_each.quantity
            else first_of_each.opening_on_hand
        end as on_hand
    from numbered as first_of_each
    where first_of_each.ordinal = 1

    union all

    select
        next_of_each.*,
        walked.on_hand + next_of_each.quantity >= 0 as is_counted,
        case
            when walked.on_hand + next_of_each.quantity >= 0 then walked.on_hand + next_of_each.quantity
            else walked.on_hand
        end as on_hand
    from walked
    inner join numbered as next_of_each
        on
            walked.item = next_of_each.item
            and walked.item_kind = next_of_each.item_kind
            and walked.hall_code = next_of_each.hall_code
            and walked.ordinal + 1 = next_of_each.ordinal
)

select
    walked.*,
    case when walked.is_counted then 'COUNTED' else 'BELOW_ZERO' end as reason
from walked
