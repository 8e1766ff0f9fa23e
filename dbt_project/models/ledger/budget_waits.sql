-- Grants for which a capped line of the budget had no room (rules, 10): put on the waiting list with the state CAP, and
-- taken off it, FREED, in the first run that has room, or WITHDRAWN, in the run that sees its recharge reversed, its
-- device returned, or the subscriber of its gift, card or trial gone. In the order of events each reservation gets all
-- it needs, or waits. Room is the cap less what the last release shows: what one run frees is given out by the next.
-- The union of the models of `reservations/`. A grant that found room immediately is not here.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['grant_key']}],
) }}

{#- what this run's grants ask for, of which benefit, and the feed of requests by which it was asked for -#}
{% set claims_of_benefits = [
    ('card_reservations', 'CARD', 'card_claim'),
    ('data_gift_reservations', 'DATA_GIFT', none),
    ('device_reservations', 'DEVICE', 'device_order'),
    ('recharge_reservations', 'RECHARGE_DISCOUNT', 'recharge'),
    ('trial_reservations', 'TRIAL', 'trial_application'),
] %}

with run as (
    select * from {{ ref('stg_run__current') }}
),

lines as materialized (
    select
        caps.campaign_id,
        caps.budget_line,
        caps.cap_fen - coalesce(spent.spent_fen, 0) as room_fen
    from {{ ref('int_campaign__caps') }} as caps
    inner join run on caps.valid_from <= run.next_date and caps.valid_until > run.next_date
    left join {{ ref('stg_campaign__spent') }} as spent
        on caps.campaign_id = spent.campaign_id and caps.budget_line = spent.budget_line
),

-- requests that are undone; of a withdrawal, those made before it. A card's counts whatever was decided.
undone as (
    select
        feeds.benefit,
        undone.request_id as claim_id,
        case when undone.is_withdrawal then undone.business_date end as business_date,
        case when undone.is_withdrawal then undone.attempt_no end as attempt_no
    from {{ ref('int_request__undone') }} as undone
    inner join (
        values
        {% for _, benefit, feed in claims_of_benefits if feed -%}
        ('{{ benefit }}', '{{ feed }}'){{ ',' if not loop.last }}
        {% endfor -%}
    ) as feeds (benefit, feed) on undone.feed = feeds.feed
),

-- the grants that still wait, and whether they are still wanted
waiting as (
    select
        waits.*,
        exists (
            select from undone
            where
                undone.benefit = waits.benefit
                and undone.claim_id = waits.claim_id
                and (
                    undone.business_date is null
                    or (waits.business_date, waits.attempt_no) < (undone.business_date, undone.attempt_no)
                )
        )
        -- a subscriber who has left gets nothing that would only begin now; a recharge and a device were paid before
        or (
            waits.benefit not in ('RECHARGE_DISCOUNT', 'DEVICE')
            -- missing in a delivery is no leaving
            and coalesce(states.status in ('C', 'P'), false)
        ) as is_withdrawn
    from {{ this }} as waits
    cross join run
    left join lateral {{ function('state_as_of') }}(waits.subscriber_id, run.business_date) as states on true
    where
        waits.state = 'CAP'
        and {{ is_current('waits') }}
        and not exists (
            select from {{ this }} as ended
            where ended.grant_key = waits.grant_key and ended.state <> 'CAP' and {{ is_current('ended') }}
        )
),

reservations as (
    {% for reservations, _, _ in claims_of_benefits -%}
    select
        claimed.campaign_id,
        claimed.benefit,
        claimed.budget_line,
        claimed.grant_key,
        claimed.subscriber_id,
        claimed.amount_fen,
        claimed.claimed_at,
        claimed.claim_id,
        claimed.useful_until,
        false as is_waiting,
        false as is_withdrawn
    from {{ ref(reservations) }} as claimed
    where
        exists (
            select from lines
            where lines.campaign_id = claimed.campaign_id and lines.budget_line = claimed.budget_line
        )
    union all
    {% endfor %}
    select
        waiting.campaign_id,
        waiting.benefit,
        waiting.budget_line,
        waiting.grant_key,
        waiting.subscriber_id,
        waiting.amount_fen,
        waiting.claimed_at,
        waiting.claim_id,
        waiting.useful_until,
        true as is_waiting,
        waiting.is_withdrawn
    from waiting
    cross join run
    where waiting.is_withdrawn or waiting.useful_until is null or waiting.useful_until >= run.next_date
),

-- a line whose cap was removed since holds nobody back
compared as (
    select
        reservations.*,
        {{ function('finds_room') }}(reservations.amount_fen, lines.room_fen) over (
            partition by reservations.campaign_id, reservations.budget_line, reservations.is_withdrawn
            order by reservations.claimed_at, reservations.benefit, reservations.claim_id, reservations.grant_key
            rows between unbounded preceding and current row
        ) as has_room
    from reservations
    left join lines on reservations.campaign_id = lines.campaign_id and reservations.budget_line = lines.budget_line
),

final as (
    select
        compared.*,
        case when compared.is_withdrawn then 'WITHDRAWN' when compared.is_waiting then 'FREED' else 'CAP' end as state
    from compared
    where compared.is_withdrawn or compared.is_waiting = compared.has_room
)

select
    final.*,
    {{ content_key(['final.grant_key', 'final.state']) }} as wait_key
from final
