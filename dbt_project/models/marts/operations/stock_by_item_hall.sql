-- Gifts and materials by item and hall, with a row ALL for each item: what came, what went, what is there, what must be
-- there at the launch, and what was bought. Quarantined movements do not count.
with campaigns as (
    select campaign_id from {{ ref('stg_campaign__campaigns') }}
),

moved as (
    select
        campaigns.campaign_id,
        movements.item,
        movements.item_kind,
        movements.hall_code,
        greatest(sum(movements.quantity) filter (where movements.reason = 'COUNTED'), 0) as on_hand,
        -- what went out had come in, even if its receipt was withdrawn since
        greatest(
            sum(movements.quantity) filter (where movements.reason = 'COUNTED' and movements.quantity > 0),
            -sum(movements.quantity) filter (where movements.reason = 'COUNTED' and movements.quantity < 0)
        ) as received,
        -sum(movements.quantity) filter (where movements.reason = 'COUNTED' and movements.quantity < 0) as issued,
        count(*) filter (where movements.reason <> 'COUNTED') as movements_quarantined,
        sum(movements.quantity * movements.unit_cost_fen) filter (
            where movements.reason = 'COUNTED' and movements.quantity > 0
        ) as cost_fen,
        null::bigint as needed,
        false as is_needed_in_total
    from {{ ref('stock_movements') }} as movements
    cross join campaigns
    where not {{ is_withdrawn('movements', 'stock_movement') }}
    group by campaigns.campaign_id, movements.item, movements.item_kind, movements.hall_code
),

needs as (
    select
        lines.campaign_id,
        lines.subject as item,
        lines.subject_kind as item_kind,
        coalesce(lines.hall_code, 'ALL') as hall_code,
        null::bigint as on_hand,
        null::bigint as received,
        null::bigint as issued,
        null::bigint as movements_quarantined,
        null::bigint as cost_fen,
        lines.needed,
        lines.hall_code is null as is_needed_in_total
    from {{ ref('int_readiness__lines') }} as lines
    where lines.line_kind = 'STOCK'
),

both_sides as (
    select * from moved
    union all
    select * from needs
),

by_hall as (
    select
        both_sides.campaign_id,
        both_sides.item,
        both_sides.item_kind,
        both_sides.hall_code,
        coalesce(sum(both_sides.on_hand), 0)::bigint as on_hand,
        coalesce(sum(both_sides.received), 0)::bigint as received,
        coalesce(sum(both_sides.issued), 0)::bigint as issued,
        coalesce(sum(both_sides.movements_quarantined), 0)::bigint as movements_quarantined,
        coalesce(sum(both_sides.cost_fen), 0)::bigint as cost_fen,
        coalesce(sum(both_sides.needed), 0)::bigint as needed,
        bool_or(both_sides.is_needed_in_total) as is_needed_in_total
    from both_sides
    group by both_sides.campaign_id, both_sides.item, both_sides.item_kind, both_sides.hall_code
),

short as (
    select
        *,
        greatest(needed - on_hand, 0) as shortfall
    from by_hall
),

final as (
    select
        campaign_id,
        item,
        item_kind,
        hall_code,
        on_hand,
        received,
        issued,
        needed,
        shortfall,
        movements_quarantined,
        cost_fen
    from short
    where hall_code <> 'ALL'

    union all

    select
        campaign_id,
        item,
        item_kind,
        'ALL' as hall_code,
        sum(on_hand)::bigint as on_hand,
        sum(received)::bigint as received,
        sum(issued)::bigint as issued,
        sum(needed)::bigint as needed,
        -- stock in one hall does not cover another's need
        case
            when bool_or(is_needed_in_total) then greatest(sum(needed) - sum(on_hand), 0)
            else sum(shortfall)
        end::bigint as shortfall,
        sum(movements_quarantined)::bigint as movements_quarantined,
        sum(cost_fen)::bigint as cost_fen
    from short
    group by campaign_id, item, item_kind
)

select * from final
