-- Rows with the id of another row and other content, of every events feed but recharges (rules, 12).
{% set types = {
    'card_claim': 'CARD_CLAIM', 'card_stock': 'CARD_CODE', 'device_order': 'DEVICE', 'family_request': 'FAMILY'
} %}

select
    null::text as campaign_id,
    concat(case conflicts.feed
        {% for feed, type in types.items() -%}
        when '{{ feed }}' then '{{ type }}'
        {% endfor -%}
        else upper(conflicts.feed)
    end, '_CONFLICT') as exception_type,
    conflicts.business_date as found_on,
    conflicts.subscriber_id,
    conflicts.item_key,
    conflicts.amount_fen,
    conflicts.source_file,
    conflicts.source_line,
    'the same id with other content: ' || case
        when conflicts.current_file is null then 'none of its rows counts'
        else conflicts.current_file || ' line ' || conflicts.current_line || ' stands'
    end as detail,
    'Ask who delivered it which row is true'
    || case conflicts.feed when 'card_stock' then ', by file and line, never by the code' else '' end
    || '. What is meant otherwise comes as a reversal, or under an id of its own.' as what_to_do
from {{ ref('int_carrier__conflicts') }} as conflicts
where
    -- until one of the two is withdrawn
    not exists (
        select from {{ ref('stg_carrier__withdrawals') }} as withdrawn
        where
            withdrawn.feed = conflicts.feed
            and withdrawn.file_name in (conflicts.source_file, conflicts.current_file)
            and (conflicts.business_date, conflicts.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
    )
