{{ config(materialized='refilled') }}

select
    versions.campaign_id,
    versions.terms_version,
    (tier ->> 'face_fen')::bigint as face_fen,
    (tier ->> 'discount_fen')::bigint as discount_fen,
    coalesce((tier ->> 'bonus_fen')::bigint, 0) as bonus_fen,
    coalesce((tier ->> 'instalments')::integer, 0) as instalments
from {{ source('raw', 'campaign_terms') }} as versions
cross join lateral jsonb_array_elements(versions.terms -> 'recharge' -> 'tiers') as tier
