-- one row per version of the campaign's terms; the first also applies to everything older
{{ config(materialized='refilled') }}

with versions as (
    select
        campaign_id,
        terms_version,
        effective_from,
        terms,
        terms -> 'eligibility' as eligibility,
        terms -> 'data_gift' as data_gift,
        terms -> 'recharge' as recharge,
        terms -> 'messages' as messages,
        lag(effective_from) over (partition by campaign_id order by effective_from) as previous_from,
        lead(effective_from) over (partition by campaign_id order by effective_from) as next_from
    from {{ source('raw', 'campaign_terms') }}
),

final as (
    select
        campaign_id,
        terms_version,
        effective_from,
        case when previous_from is null then '-infinity'::date else effective_from end as valid_from,
        coalesce(next_from, 'infinity'::date) as valid_until,
        terms,

        (eligibility ->> 'founded_on')::date as founded_on,
        array(select jsonb_array_elements_text(eligibility -> 'segments')) as segments,
        (eligibility ->> 'main_card_only')::boolean as main_card_only,
        (eligibility ->> 'tenure_years')::integer as tenure_years,
        (eligibility ->> 'port_in_years')::integer as port_in_years,
        (eligibility ->> 'owner_years')::integer as owner_years,
        eligibility ->> 'tenure_judged_on' as tenure_judged_on,
        array(select jsonb_array_elements_text(eligibility -> 'tenure_bands_years')::integer) as tenure_bands_years,
        -- 20+, 15-19, ... 0-4
        array(
            select bands.years || coalesce('-' || (lead(bands.years) over (order by bands.years) - 1), '+')
            from (select jsonb_array_elements_text(eligibility -> 'tenure_bands_years')::integer as years) as bands
            order by bands.years desc
        ) as tenure_band_labels,

        (data_gift ->> 'months')::integer as gift_months,
        (data_gift ->> 'megabytes')::integer as gift_megabytes,
        data_gift ->> 'product_code' as gift_product_code,
        (data_gift ->> 'unit_price_fen_per_gb')::bigint as gift_unit_price_fen_per_gb,

        recharge ->> 'match' as tier_match,
        array(select jsonb_array_elements_text(recharge -> 'channels')) as recharge_channels,
        (recharge ->> 'limit_per_tier_month')::integer as limit_per_tier_month,
        (recharge ->> 'customer_limit_per_month')::integer as customer_limit_per_month,
        (recharge ->> 'instalment_day')::integer as instalment_day,
        recharge ->> 'odd_fen_to' as odd_fen_to,
        (recharge ->> 'hold_days')::integer as hold_days,
        (recharge ->> 'late_days')::integer as late_days,
        (recharge ->> 'orphan_reversal_days')::integer as orphan_reversal_days,

        (messages -> 'hours' ->> 'from')::time as messages_from,
        (messages -> 'hours' ->> 'to')::time as messages_to,
        (messages -> 'marketing_limit' ->> 'messages')::integer as marketing_limit,
        (messages -> 'marketing_limit' ->> 'days')::integer as marketing_limit_days,
        (messages ->> 'unit_price_fen')::bigint as sms_unit_price_fen
    from versions
)

select * from final
