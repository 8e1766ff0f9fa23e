-- How many take part, by day, benefit, city and tenure band. Automatic gifts stand beside the benefits that a
-- subscriber asks for, under a name of their own.
with by_subscriber as (
    select
        campaign_id,
        event_on,
        benefit,
        city_code,
        tenure_band,
        subscriber_id,
        count(*) as participations,
        sum(amount_fen) as amount_fen,
        sum(megabytes) as megabytes
    from {{ ref('participations') }}
    group by campaign_id, event_on, benefit, city_code, tenure_band, subscriber_id
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
