-- Current family numbers: one row per link, from when to when it holds.
{{ config(materialized='stable_view') }}

select
    added.link_key,
    added.campaign_id,
    added.subscriber_id,
    added.family_msisdn,
    added.family_subscriber_id,
    added.request_id,
    added.effective_at as begins_at,
    ended.effective_at as ends_at,
    ended.reason as end_reason,
    added.terms_version
from {{ ref('family_decisions') }} as added
left join {{ ref('family_decisions') }} as ended on added.link_key = ended.link_key and ended.action <> 'ADD'
where added.reason = 'APPROVED'
