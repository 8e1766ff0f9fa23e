-- How many take part, by day, benefit, city and tenure band. What was undone since, as a recharge by its reversal, no
-- longer counts. Automatic gifts stand beside the benefits that a subscriber asks for, under a name of their own.
with entries as (
    select
        campaign_id,
        event_on,
        benefit,
        city_code,
        tenure_band,
        subscriber_id,
        megabytes,
        amount_fen,
        grant_key
    from {{ ref('ledger_entries') }}
    where participation in ('ASKED', 'AUTOMATIC')
),

undone as (
    select changes_key
    from {{ ref('ledger_entries') }}
    where participation = 'UNDONE'
),

by_subscriber as (
    select
        entries.campaign_id,
        entries.event_on,
        entries.benefit,
        entries.city_code,
        entries.tenure_band,
        entries.subscriber_id,
        count(*) as participations,
        sum(entries.amount_fen) as amount_fen,
        sum(entries.megabytes) as megabytes
    from entries
    where
        not exists (
            select from undone
            where undone.changes_key = entries.grant_key
        )
    group by
        entries.campaign_id, entries.event_on, entries.benefit, entries.city_code, entries.tenure_band,
        entries.subscriber_id
),

final as (
    select
        campaign_id,
        event_on as day,
        benefit,
        coalesce(city_code, 'unknown') as city_code,
        coalesce(tenure_band, 'unknown') as tenure_band,
        sum(participations)::bigint as participations,
        count(*) as participants,
        sum(amount_fen)::bigint as amount_fen,
        coalesce(sum(megabytes), 0)::bigint as megabytes
    from by_subscriber
    group by campaign_id, event_on, benefit, city_code, tenure_band
)

select * from final
