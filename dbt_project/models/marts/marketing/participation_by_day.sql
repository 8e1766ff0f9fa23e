-- How many take part, by day, benefit, city and tenure band. A recharge since reversed no longer counts. Automatic gifts stand
-- beside the benefits that a subscriber asks for, under a name of their own.
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
    where
        (benefit = 'DATA_GIFT' and entry_type = 'promised')
        or (benefit = 'RECHARGE_DISCOUNT' and entry_type = 'granted')
),

reversed as (
    select grant_key
    from {{ ref('ledger_entries') }}
    where benefit = 'RECHARGE_DISCOUNT' and entry_type = 'reversed'
),

final as (
    select
        entries.campaign_id,
        entries.event_on as day,
        entries.benefit,
        coalesce(entries.city_code, 'unknown') as city_code,
        coalesce(entries.tenure_band, 'unknown') as tenure_band,
        count(*) as participations,
        count(distinct entries.subscriber_id) as participants,
        sum(entries.amount_fen)::bigint as amount_fen,
        coalesce(sum(entries.megabytes), 0)::bigint as megabytes
    from entries
    left join reversed on entries.grant_key = reversed.grant_key
    where reversed.grant_key is null
    group by entries.campaign_id, entries.event_on, entries.benefit, entries.city_code, entries.tenure_band
)

select * from final
