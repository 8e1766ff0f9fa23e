{{ config(materialized='refilled') }}

select
    versions.campaign_id,
    versions.terms_version,
    templates.template_no,
    templates.template ->> 'code' as template_code,
    templates.template ->> 'class' as template_class,
    templates.template ->> 'channel' as channel,
    templates.template ->> 'event' as template_event,
    (templates.template ->> 'days_before_start')::integer as days_before_start,
    templates.template ->> 'title' as template_title,
    templates.template ->> 'text' as template_text
from {{ source('raw', 'campaign_terms') }} as versions
cross join
    lateral jsonb_array_elements(versions.terms -> 'messages' -> 'templates')
    with ordinality as templates (template, template_no)
