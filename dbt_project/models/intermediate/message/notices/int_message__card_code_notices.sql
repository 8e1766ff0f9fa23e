-- Notices about video cards: the code of each that was given in this run, and the same code again if its message
-- failed. The code is not part of the text: separate columns say which it is and where it goes, and `deliver` puts it
-- there.
{% set words = {
    'platform': 'told.platform_name',
    'expires_on': "to_char(told.expires_on, 'FMMM月FMDD日')",
} %}

with run as (
    select * from {{ ref('stg_run__current') }}
),

due as (
    select
        granted.decision_key,
        1 as dispatch_no
    from {{ funded_grants('card_decisions') }} as granted
    inner join run on {{ is_funded_now('granted') }}

    union all

    select
        granted.decision_key,
        failed.dispatch_no + 1 as dispatch_no
    from {{ ref('int_card__failed_codes') }} as failed
    inner join run on {{ is_this_attempt('failed') }}
    inner join {{ ref('card_decisions') }} as granted
        on failed.grant_key = granted.grant_key and granted.reason = 'GRANTED'
),

told as (
    select
        granted.campaign_id,
        granted.subscriber_id,
        granted.grant_key,
        granted.claim_id,
        granted.code_reference,
        granted.code_length,
        granted.expires_on,
        due.dispatch_no,
        platforms.platform ->> 'name' as platform_name
    from due
    inner join {{ ref('card_decisions') }} as granted on due.decision_key = granted.decision_key
    cross join run
    inner join lateral {{ function('terms_on') }}(run.next_date) as terms
        on
            granted.campaign_id = terms.campaign_id
            and due.dispatch_no <= (terms.terms -> 'cards' ->> 'code_sms_attempts')::integer
    left join lateral jsonb_array_elements(terms.terms -> 'cards' -> 'platforms') as platforms (platform)
        on platforms.platform ->> 'code' = granted.platform
)

select
    told.campaign_id,
    templates.template_code,
    told.subscriber_id,
    told.grant_key,
    {{ key_text(['told.claim_id', 'told.dispatch_no']) }} as period,
    run.business_date as addressed_on,
    told.expires_on as useful_until,
    null::text as message_title,
    {{ filled_in("split_part(templates.template_text, '{code}', 1)", words) }}
    || {{ filled_in("split_part(templates.template_text, '{code}', 2)", words) }} as message_text,
    told.code_reference as secret_reference,
    told.code_length as secret_length,
    char_length({{ filled_in("split_part(templates.template_text, '{code}', 1)", words) }}) as secret_at
from told
cross join run
inner join {{ ref('int_message__templates') }} as templates
    on told.campaign_id = templates.campaign_id and templates.template_event = 'card_code'
