-- Who takes part, one row per benefit that a subscriber asked for or used, or got without a request (AUTOMATIC). What
-- was undone since, like a reversed recharge, no longer counts; nor what the carrier refused for good or people gave
-- up, unless it was accepted after all.
{{ config(materialized='stable_view') }}

with undone as (
    select changes.changes_key
    from {{ ref('ledger_entries') }} as changes
    where
        changes.participation = 'UNDONE'
        and (
            changes.entry_type not in ('refused', 'given_up')
            or not exists (
                select from {{ ref('ledger_settlements') }} as settlements
                where
                    settlements.entry_key = {{ content_key(['changes.changes_key', "'accepted'", 'null']) }}
            )
        )
)

select
    entries.campaign_id,
    entries.grant_key,
    entries.event_on,
    entries.booked_on,
    entries.benefit,
    entries.participation,
    entries.city_code,
    entries.tenure_band,
    entries.subscriber_id,
    entries.megabytes,
    entries.amount_fen,
    entries.source_file,
    entries.source_line
from {{ ref('ledger_entries') }} as entries
where
    entries.participation in ('ASKED', 'AUTOMATIC')
    and not exists (
        select from undone
        where undone.changes_key = entries.grant_key
    )
