{{ config(materialized='table') }}

select
    versions.campaign_id,
    versions.terms_version,
    template ->> 'code' as template_code,
    template ->> 'class' as template_class,
    template ->> 'event' as template_event,
    template ->> 'text' as template_text
from {{ source('raw', 'campaign_terms') }} as versions
cross join lateral jsonb_array_elements(versions.terms -> 'messages' -> 'templates') as template
