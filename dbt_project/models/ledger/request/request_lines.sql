-- The contenders of this run in their lines: with whom each shares a line, and how many slots are left in it.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with contenders as (
    select
        contenders.*,
        -- who may take a slot from whom is one party: a customer with all of its subscribers, else a subscriber
        coalesce(contenders.slots[2], contenders.slots[1]) as holder
    from {{ ref('request_contenders') }} as contenders
),

-- customers of whom a subscriber left one for another within the month
moved_among as materialized (
    select unnest(array_agg(distinct contenders.holder)) as holder
    from contenders
    where
        exists (
            select from {{ ref('request_contenders') }} as capped
            where capped.slots[2] is not null
        )
    group by contenders.slots[1]
    having min(contenders.holder) <> max(contenders.holder)
),

-- slots that what was granted in earlier runs holds, in the months that are contended for
taken as materialized (
    select
        held.slot,
        count(*) as places
    from (
        select unnest(decided.slots) as slot
        from {{ ref('int_request__decided') }} as decided
        where
            decided.holds_slots
            and coalesce(decided.slot_month, '-infinity') = any(
                array(
                    select distinct coalesce(contending.slot_month, '-infinity')
                    from {{ ref('request_contenders') }} as contending
                )
            )
            and not exists (
                select from {{ ref('int_request__undone') }} as undone
                where
                    undone.request_id = decided.request_id and undone.feed = decided.feed and not undone.is_withdrawal
            )
    ) as held
    where held.slot is not null
    group by held.slot
),

final as (
    select
        contenders.*,
        case
            when contenders.holder in (select moved_among.holder from moved_among) then 'moved'
            else contenders.holder
        end as party,
        array[
            contenders.limits[1] - coalesce(first_taken.places, 0),
            contenders.limits[2] - coalesce(second_taken.places, 0)
        ] as rooms
    from contenders
    left join taken as first_taken on contenders.slots[1] = first_taken.slot
    left join taken as second_taken on contenders.slots[2] = second_taken.slot
)

select * from final -- noqa: AM04
