-- The templates in force on the day on which this run's messages go out, each with the parameters of its messages.
select
    terms.campaign_id,
    terms.priority,
    terms.terms_version,
    templates.template_no,
    templates.template_code,
    templates.template_class,
    templates.channel,
    templates.template_event,
    templates.days_before_start,
    templates.template_title,
    templates.template_text,
    run.next_date + terms.messages_from as not_before,
    run.next_date + terms.messages_to as not_after,
    terms.marketing_limit,
    terms.marketing_limit_days,
    -- a push message has no segments and costs nothing
    case templates.channel when 'sms' then terms.sms_unit_price_fen end as segment_price_fen
from {{ ref('stg_run__current') }} as run
cross join lateral {{ function('terms_on') }}(run.next_date) as terms
inner join {{ ref('stg_campaign__templates') }} as templates
    on terms.campaign_id = templates.campaign_id and terms.terms_version = templates.terms_version
