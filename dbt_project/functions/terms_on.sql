select
    campaigns.campaign_id,
    campaigns.priority,
    campaigns.starts_on,
    campaigns.ends_on,
    held.terms_version,
    held.effective_from,
    held.valid_from,
    held.valid_until,
    held.terms,
    held.founded_on,
    held.segments,
    held.main_card_only,
    held.tenure_years,
    held.port_in_years,
    held.owner_years,
    held.tenure_judged_on,
    held.tenure_bands_years,
    held.tenure_band_labels,
    held.gift_months,
    held.gift_megabytes,
    held.gift_product_code,
    held.gift_unit_price_fen_per_gb,
    held.tier_match,
    held.recharge_channels,
    held.limit_per_tier_month,
    held.customer_limit_per_month,
    held.instalment_day,
    held.odd_fen_to,
    held.hold_days,
    held.late_days,
    held.orphan_reversal_days,
    held.messages_from,
    held.messages_to,
    held.marketing_limit,
    held.marketing_limit_days,
    held.sms_unit_price_fen,
    {{ tenure_cutoff('judged.counted_to', 'held.tenure_years') }} as tenure_cutoff,
    {{ tenure_cutoff('judged.counted_to', 'held.port_in_years') }} as port_in_cutoff,
    {{ tenure_cutoff('judged.counted_to', 'held.owner_years') }} as owner_cutoff,
    {{ tenure_band_starts('terms_on.as_of', 'held.tenure_bands_years') }} as tenure_band_starts
from {{ ref('int_campaign__campaigns') }} as campaigns
inner join {{ ref('stg_campaign__terms') }} as held
    on
        campaigns.campaign_id = held.campaign_id
        and terms_on.as_of >= held.valid_from and terms_on.as_of < held.valid_until
cross join
    lateral (
        values (case held.tenure_judged_on when 'campaign_start' then campaigns.starts_on else terms_on.as_of end)
    ) as judged (counted_to)
