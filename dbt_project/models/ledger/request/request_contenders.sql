-- Requests of which only the limits are left to ask: those that their benefit's rule lets pass, and those refused for
-- LIMIT in an earlier run of which a slot has been given back since. One line a benefit whose limits are slots.
{{ config(materialized='refilled') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

new_requests as (
    {% for rule in [
        'card_rule',
        'device_rule',
        'recharge_rule',
    ] -%}
    select
        benefit,
        feed,
        campaign_id,
        request_id,
        subscriber_id,
        requested_at,
        slot_month,
        slots,
        limits,
        source_file,
        source_line
    from {{ ref(rule) }}
    where not is_refused
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- slots given back by what this run has read: by a reversal or a return, or by a withdrawal
given_back as materialized (
    select unnest(granted.slots) as slot
    from {{ ref('int_request__undone') }} as undone
    inner join run on undone.seen_on = run.business_date
    inner join {{ ref('int_request__decided') }} as granted
        on undone.request_id = granted.request_id and undone.feed = granted.feed
    where granted.reason = 'GRANTED' and not undone.is_withdrawal

    union

    select unnest(granted.slots) as slot
    from {{ ref('int_request__voids') }} as voids
    inner join run on {{ is_this_attempt('voids') }}
    inner join {{ ref('stg_decided__requests') }} as granted
        on voids.request_id = granted.request_id and voids.feed = granted.feed
    where granted.reason = 'GRANTED' and {{ is_current('granted') }}
),

waiting as (
    select decided.*
    from {{ ref('int_request__decided') }} as decided
    where
        decided.reason = 'LIMIT'
        and decided.limits is not null
        and (
            decided.slots[1] in (select given_back.slot from given_back)
            or decided.slots[2] in (select given_back.slot from given_back)
            -- the slot may have been given back while the recharge was in conflict
            or (decided.request_id, decided.source_file, decided.source_line) in (
                select
                    disputes.recharge_id,
                    disputes.chosen_file,
                    disputes.chosen_line
                from {{ ref('int_recharge__disputes') }} as disputes
                inner join run on disputes.chosen_on = run.business_date and not disputes.is_open
            )
        )
        and not exists (
            select from {{ ref('int_request__decided') }} as granted
            where
                granted.request_id = decided.request_id
                and granted.feed = decided.feed
                and granted.campaign_id = decided.campaign_id
                and granted.reason = 'GRANTED'
        )
        and not exists (
            select from {{ ref('int_request__undone') }} as undone
            where undone.request_id = decided.request_id and undone.feed = decided.feed and not undone.is_withdrawal
        )
        and not exists (
            select from {{ ref('int_recharge__disputes') }} as disputes
            where
                disputes.recharge_id = decided.request_id
                and decided.feed = 'recharge'
                and (
                    disputes.is_open
                    or disputes.chosen_file <> decided.source_file
                    or disputes.chosen_line <> decided.source_line
                )
        )
),

final as (
    select
        new_requests.*,
        false as has_waited
    from new_requests

    union all

    select
        waiting.benefit,
        waiting.feed,
        waiting.campaign_id,
        waiting.request_id,
        waiting.subscriber_id,
        waiting.requested_at,
        waiting.slot_month,
        waiting.slots,
        waiting.limits,
        waiting.source_file,
        waiting.source_line,
        true as has_waited
    from waiting
)

select * from final
